// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { type Cri, SocketError, type SocketErrorCode } from "../src/cri/index.ts";
import { createRuntime, type RuntimeDeps } from "../src/runtime.ts";
import { deferred, FakeCloud, MemoryRecords, MemoryStore, podOf, silent } from "./pods/fakes.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "runtime-"));
});
const runtimes: { stop: () => void }[] = [];
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
  for (const runtime of runtimes.splice(0)) runtime.stop();
});

/** A runtime whose socket is what the test says, at each look. */
function make(looks: readonly (SocketErrorCode | "fine")[]) {
  const lines: string[] = [];
  const pauses: number[] = [];
  let next: (() => void) | undefined;
  let looked = 0;
  const note = (_: unknown, line?: string): void => void lines.push(line ?? String(_));
  const store = new MemoryStore();
  const sandbox = deferred<{ dnsConfig: { servers: string[] } }>();
  const cri = {
    runPodSandbox: (config: { dnsConfig: { servers: string[] } }) => {
      sandbox.resolve(config);
      return new Promise(() => undefined);
    },
    status: () => Promise.resolve([]),
    version: () => Promise.resolve({ runtimeName: "fake", runtimeVersion: "v1" }),
    listPodSandbox: () => Promise.resolve([]),
    listContainers: () => Promise.resolve([]),
    close: () => undefined,
  } as unknown as Cri;
  const schedule = (delayMs: number, fn: () => void): (() => void) => {
    pauses.push(delayMs);
    next = fn;
    return () => {
      next = undefined;
    };
  };
  const deps = {
    config: {
      rootDirectory: dir,
      podLogsDir: dir,
      cgroupParent: "/x",
      cgroupDriver: "cgroupfs",
      clusterDns: [],
      resolvConf: join(dir, "resolv.conf"),
    },
    node: { name: "n", ip: "192.0.2.1" },
    requestTimeoutMs: 1,
    store,
    records: new MemoryRecords(),
    uplink: new FakeCloud(),
    isInventoryComplete: () => false,
    onInventoryComplete: () => () => undefined,
    registry: new Registry(),
    clock: { nowMs: () => 0, monotonicMs: () => 0, schedule },
    log: { ...silent, warn: note, info: note, error: note },
  } as unknown as RuntimeDeps;
  const runtime = createRuntime(deps, () => {
    const look = looks[looked++] ?? "fine";
    if (look === "fine") return cri;
    throw new SocketError(look, look);
  });
  runtimes.push(runtime);
  const again = async (): Promise<void> => {
    next?.();
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  return { store, sandbox: sandbox.promise, runtime, lines, pauses, again, looked: () => looked };
}

describe("createRuntime", () => {
  it("B128 does not start with a socket that it may not trust", async () => {
    const t = make(["SYMLINK"]);
    await expect(t.runtime.start()).rejects.toMatchObject({ code: "SYMLINK" });
    expect(t.pauses).toEqual([]);
  });
  it("never uses one that turns up later and may not be trusted, and takes the right one when it comes", async () => {
    const t = make(["MISSING", "NOT_ROOT_OWNED", "SYMLINK", "fine"]);
    await t.runtime.start();
    await t.again();
    expect([t.runtime.version(), t.runtime.isHealthy()]).toEqual(["", false]);
    await t.again();
    expect(t.runtime.version()).toBe("");
    await t.again();
    expect([t.runtime.version(), t.runtime.isHealthy()]).toEqual(["fake://1", true]);
  });
  it("looks again with pauses that double up to 15 s, and tells only what changes", async () => {
    const t = make([...Array<SocketErrorCode>(5).fill("MISSING"), "SYMLINK", "SYMLINK", "fine"]);
    await t.runtime.start();
    for (let i = 0; i < 6; i++) await t.again();
    expect(t.pauses).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    await t.again();
    expect(t.lines).toEqual([
      "no container runtime to use, waiting for it",
      "no container runtime to use, waiting for it",
      "the container runtime's socket is there",
    ]);
  });
  it("hands out the runtime once it is there, and the pods at any time", async () => {
    const t = make(["MISSING", "fine"]);
    t.store.put("pod", podOf("p", { containers: [{ name: "c", image: "i" }] }));
    await t.runtime.start();
    expect(t.runtime.cri()).toBeUndefined();
    expect(t.runtime.pods.get("default", "p")?.pod.metadata.uid).toBe("uid-p");
    await t.again();
    expect(t.runtime.cri()).toBeDefined();
  });
  it("does not look again once it is stopped", async () => {
    const t = make(["MISSING"]);
    await t.runtime.start();
    t.runtime.stop();
    await t.again();
    expect(t.looked()).toBe(1);
  });
  it("hands on what is wrong beside the socket", async () => {
    const t = make([]);
    const broken = createRuntime({ ...({} as RuntimeDeps) }, () => {
      throw new TypeError("no such setting");
    });
    await expect(broken.start()).rejects.toThrow("no such setting");
    expect(t.lines).toEqual([]);
  });
  it("runs pods with the resolver that is configured", async () => {
    const t = make([]);
    writeFileSync(join(dir, "resolv.conf"), "nameserver 192.0.2.53\n");
    t.store.put("pod", podOf("p", { containers: [{ name: "c", image: "i" }] }));
    await t.runtime.start();
    expect((await t.sandbox).dnsConfig.servers).toEqual(["192.0.2.53"]);
  });
});
