// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { untilEstablished } from "../cluster/established.ts";
import { kubeconfigOf } from "../cluster/kubeconfig.ts";
import { ENVIRONMENTS, layoutOf } from "../cluster/layout.ts";
import { machineAddress } from "../cluster/machine.ts";
import { createPorts, isPortFree } from "../cluster/ports.ts";
import { Fault, describeFailure } from "../fault.ts";
import { missingOf, REQUIREMENTS, TEST_REQUIREMENTS } from "../prerequisites.ts";
import { waitFor } from "../wait.ts";

describe("new kinds", () => {
  it("are waited for although kubectl gives up on one whose conditions are still null", async () => {
    const said = ["error: .status.conditions accessor error: <nil> is of the type <nil>"];
    const calls: string[][] = [];
    await untilEstablished((args) => {
      calls.push(args);
      const error = said.pop();
      return error === undefined ? Promise.resolve("") : Promise.reject(new Error(error));
    });
    expect(calls.map(([verb]) => verb)).toEqual(["wait", "wait"]);
  });
});

describe("layout", () => {
  it("differs for every clone and environment, in everything that the machine has only once", () => {
    const layouts = [...ENVIRONMENTS.map((name) => layoutOf(name, "/a")), layoutOf("", "/b")];
    for (const key of ["dir", "sockets", "bridge", "cgroupParent", "address"] as const) {
      expect(new Set(layouts.map((layout) => layout[key])).size).toBe(layouts.length);
    }
  });

  it("looks for ports where no other environment of the clone does", () => {
    const clones = Array.from({ length: 300 }, (_, index) => `/clone-${index}`);
    for (const root of clones) {
      const first = ENVIRONMENTS.map((name) => layoutOf(name, root).firstPort).sort((a, b) => a - b);
      for (const [index, port] of first.entries())
        expect(port - (first[index - 1] ?? 0)).toBeGreaterThanOrEqual(40);
      expect(first.at(-1)! + 40).toBeLessThanOrEqual(32_768); // from there on systems choose themselves
    }
  });

  it("keeps names within what Linux takes, however long the clone's path", () => {
    const layout = layoutOf("bench", `/${"x".repeat(300)}`);
    expect(layout.bridge.length).toBeLessThanOrEqual(15);
    expect(join(layout.sockets, "containerd/io.containerd.runtime.v2.task").length).toBeLessThan(107);
    expect(layout.subnet).toMatch(/^10\.\d{1,3}\.\d{1,3}\.0\/24$/);
  });
});

describe("ports", () => {
  it("takes the next free one when the wanted one is in use, and none twice", async () => {
    const busy = new Set([10_000, 10_001]);
    const ports = createPorts((port) => Promise.resolve(!busy.has(port)));
    expect(await ports.take(10_000)).toBe(10_002);
    expect(await ports.take(10_000)).toBe(10_003);
  });

  it("sees a listener", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    expect(await isPortFree(port)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
    expect(await isPortFree(port)).toBe(true);
  });
});

describe("the address that others reach this machine at", () => {
  const at = (address: string, internal = false) => ({
    ...{ address, internal, family: "IPv4" as const, netmask: "", mac: "", cidr: null },
  });

  it("is neither loopback, nor of a bridge, nor link-local", () => {
    const interfaces = {
      lo: [at("127.0.0.1", true)],
      "cni-0": [at("10.0.0.1")],
      usb0: [at("169.254.3.4")],
      eth0: [at("192.0.2.7")],
    };
    expect(machineAddress(interfaces)).toBe("192.0.2.7");
  });

  it("may be none", () => {
    expect(machineAddress({ lo: [at("127.0.0.1", true)] })).toBeUndefined();
  });
});

describe("prerequisites", () => {
  it("names the packages of files that are not there", () => {
    const missing = missingOf(REQUIREMENTS, (file) => file !== "ctr" && file !== "/bin/busybox");
    expect(missing.map((requirement) => requirement.package)).toEqual(["containerd", "busybox-static"]);
  });

  it("are complete when every file is there", () => {
    expect(missingOf(TEST_REQUIREMENTS, () => true)).toEqual([]);
  });
});

describe("kubeconfig", () => {
  it("carries everything inside", () => {
    const text = kubeconfigOf({ url: "https://127.0.0.1:1", ca: "CA", user: { name: "u", token: "t" } });
    expect(parse(text)).toMatchObject({
      clusters: [{ cluster: { server: "https://127.0.0.1:1", "certificate-authority-data": "Q0E=" } }],
      users: [{ name: "u", user: { token: "t" } }],
      "current-context": "longshore",
    });
  });
});

describe("waitFor", () => {
  it("tells what it waited for and what was last wrong", async () => {
    const probe = () => Promise.reject(new Error("connection refused"));
    await expect(waitFor(probe, { what: "redis", timeoutMs: 30, intervalMs: 5 })).rejects.toThrow(
      "gave up waiting for redis after 0.03 s: connection refused",
    );
  });

  it("does not go on when the process is gone", async () => {
    let calls = 0;
    const probe = () => {
      calls += 1;
      return Promise.reject(new Fault("PROCESS_ENDED", "it ended"));
    };
    await expect(waitFor(probe, { what: "it", timeoutMs: 10_000 })).rejects.toThrow("it ended");
    expect(calls).toBe(1);
  });
});

it("a failure is told with what to do about it", () => {
  expect(describeFailure(new Fault("NO_GO", "Go is missing", "install it"))).toBe(
    "Go is missing\n  → install it",
  );
});

describe("what is made with tools of the machine", () => {
  let dir = "";
  beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "longshore-"))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const root = join(import.meta.dirname, "../..");
  /** In a plain Node: WebCrypto does not take the buffers of a test's own realm. */
  const inNode = (code: string): void =>
    void execFileSync(process.execPath, ["--input-type=module", "-e", code], { cwd: root });

  it("certificates are signed by their own CA, for the hosts asked for, with keys that only the owner reads", () => {
    inNode(`import { createAuthority } from "./hack/cluster/pki.ts";
      const ca = await createAuthority(${JSON.stringify(dir)});
      await ca.issue({ name: "server", commonName: "s", hosts: ["127.0.0.1", "localhost"] });
      await ca.issue({ name: "client", commonName: "admin", organization: "system:masters" });`);
    const read = (name: string) => new X509Certificate(readFileSync(join(dir, `${name}.crt`)));
    const [ca, server, client] = [read("ca"), read("server"), read("client")];
    expect(ca.ca).toBe(true);
    for (const cert of [server, client]) expect(cert.verify(ca.publicKey)).toBe(true);
    expect(server.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(server.checkHost("localhost")).toBe("localhost");
    expect(client.subject).toBe("O=system:masters\nCN=admin");
    expect(client.checkIP("127.0.0.1")).toBeUndefined();
    expect(statSync(join(dir, "ca.key")).mode & 0o077).toBe(0);
  });

  (existsSync("/bin/busybox") ? it : it.skip)("images are the same bytes each time", () => {
    const make = (name: string): string => {
      const path = join(dir, name);
      inNode(
        `import { writeImages } from "./hack/cluster/images.ts"; await writeImages(${JSON.stringify(path)});`,
      );
      return createHash("sha256").update(readFileSync(path)).digest("hex");
    };
    expect(make("a.tar")).toBe(make("b.tar"));
  });
});
