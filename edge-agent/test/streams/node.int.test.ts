// SPDX-License-Identifier: Apache-2.0
import type { ReadRequest } from "@longshore/crds/stream";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Registry } from "prom-client";
import { systemClock } from "../../src/clock.ts";
import { createCri, type Cri } from "../../src/cri/index.ts";
import { createKnownPods, createPodEngine, type PodEngine } from "../../src/pods/index.ts";
import { acceptStreams, createNodeStreams, type ClosableOpener } from "../../src/streams/index.ts";
import { removePodCgroup } from "../../src/pods/resources/cgroups.ts";
import { startContainerd, type OwnContainerd } from "../pods/containerd.ts";
import { FakeCloud, MemoryRecords, MemoryStore, podOf, silent } from "../pods/fakes.ts";
import { muxPair, startGate, type Asked, type Client } from "./way.ts";

const IMAGE = "localhost/busybox:dev";
const CGROUP = `/lss${process.pid}`;
const ECHO = "while read line; do echo got $line; done";

let containerd: OwnContainerd;
let cri: Cri;
let engine: PodEngine;
let opener: ClosableOpener;
let gate: Awaited<ReturnType<typeof startGate>>;
let pair: ReturnType<typeof muxPair>;
const registry = new Registry();
const store = new MemoryStore();
const dialled: string[] = [];
const malformed: string[] = [];

beforeAll(async () => {
  containerd = await startContainerd();
  cri = createCri({ endpoint: containerd.endpoint });
  const paths = { rootDir: join(containerd.dir, "kubelet"), podLogsDir: join(containerd.dir, "logs") };
  const cloud = new FakeCloud();
  cloud.onDelete = (resource) => store.remove("pod", "default", resource.split("/")[2] ?? "");
  engine = createPodEngine({
    store,
    records: new MemoryRecords(),
    uplink: cloud,
    isInventoryComplete: () => true,
    onInventoryComplete: () => () => undefined,
    cri,
    node: {
      name: "edge-1",
      ip: "127.0.0.1",
      allocatable: () => ({ cpuMilli: 2_000, memoryBytes: 1e9, ephemeralStorageBytes: 1e9 }),
    },
    options: { ...paths, cgroupParent: CGROUP },
    log: silent,
  });
  await engine.start();
  opener = createNodeStreams({
    cri: () => cri,
    pods: createKnownPods(store, (uid) => engine.statusOf(uid)),
    nodeName: "edge-1",
    options: { ...paths, cgroupParent: CGROUP, cgroupDriver: "cgroupfs", sandboxImage: "" },
    clock: systemClock,
    log: silent,
    registry,
    connect: (to) => {
      dialled.push(to.host);
      return connect({ ...to, allowHalfOpen: true, noDelay: true });
    },
  });
  pair = muxPair(acceptStreams(opener, { log: silent, onMalformed: (code) => void malformed.push(code) }));
  gate = await startGate(pair.cloud);

  const main = { name: "main", image: IMAGE, command: ["sh", "-c", ECHO], stdin: true };
  const web = { name: "web", image: IMAGE, command: ["httpd", "-f", "-p", "8080", "-h", "/etc"] };
  store.put("pod", podOf("web", { containers: [main, web] }));
  const bad = { name: "main", image: "localhost/no-such-image:1" };
  store.put("pod", podOf("stuck", { hostNetwork: true, containers: [bad] }));
  const brief = { name: "main", image: IMAGE, command: ["echo", "said once"] };
  store.put("pod", podOf("done", { hostNetwork: true, restartPolicy: "Never", containers: [brief] }));
  await eventually("the pods are as they shall be", () => {
    const phaseOf = (name: string) => engine.statusOf(`uid-${name}`)?.phase;
    const waits = engine.statusOf("uid-stuck")?.containerStatuses?.[0]?.state.waiting?.reason;
    const isStuck = waits === "ImagePullBackOff" || waits === "ErrImagePull";
    return phaseOf("web") === "Running" && phaseOf("done") === "Succeeded" && isStuck;
  });
}, 90_000);

afterAll(async () => {
  for (const { namespace, name } of store.list("pod")) store.remove("pod", namespace, name);
  await eventually("every pod is gone", () => engine.podCount() === 0).catch(() => undefined);
  engine.stop();
  opener.close();
  gate.close();
  pair.close();
  cri.close();
  await removePodCgroup(CGROUP);
  await containerd.stop();
}, 60_000);

async function eventually(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const POD = { namespace: "default", pod: "web", uid: "uid-web" };
const exec = (command: string[], more: Partial<Extract<Asked, { verb: "exec" }>> = {}): Asked => ({
  verb: "exec",
  ...POD,
  container: "main",
  command,
  stdin: false,
  stdout: true,
  stderr: true,
  tty: false,
  ...more,
});
const UPGRADE = {
  method: "GET",
  headers: [
    ["connection", "Upgrade"],
    ["upgrade", "websocket"],
  ],
};
const ask = (asked: object) => pair.cloud.open({ ...asked, upgrade: UPGRADE });
const read = async (what: ReadRequest["what"]) => {
  const { head, stream } = await pair.cloud.open({ verb: "read", what });
  return { ...head, body: await text(stream) };
};
const logOf = async (pod: string, options: object = {}) => {
  const asked = { verb: "logs", namespace: "default", pod, uid: `uid-${pod}`, container: "main", options };
  return await text((await pair.cloud.open(asked)).stream);
};
const live = async (): Promise<number | undefined> => {
  const line = (await registry.metrics()).match(/^longshore_edge_streams (\d+)$/m);
  return line?.[1] === undefined ? undefined : Number(line[1]);
};

/** The status that ends an exec. */
const statusOf = (client: Client) => JSON.parse(client.received(3).toString()) as object;
const isSuccess = (client: Client) => client.received(3).includes('"Success"');
const finished = async (asked: Asked): Promise<Client> => {
  const client = await gate.dial(asked);
  await client.ended;
  return client;
};

describe("streams of a node, through a real containerd", () => {
  it("runs a command and tells how it ended", async () => {
    const client = await finished(exec(["sh", "-c", "echo out; echo err >&2"]));
    expect([1, 2].map((channel) => client.received(channel).toString())).toEqual(["out\n", "err\n"]);
    expect(statusOf(client)).toMatchObject({ status: "Success" });
  });

  it("hands the exit code through", async () => {
    expect(statusOf(await finished(exec(["sh", "-c", "exit 7"])))).toMatchObject({
      status: "Failure",
      details: { causes: [{ reason: "ExitCode", message: "7" }] },
    });
  });

  it("B147 passes arguments verbatim, without a shell", async () => {
    const client = await finished(exec(["echo", ";id", "$(id)", "a b"]));
    expect(client.received(1).toString()).toBe(";id $(id) a b\n");
  });

  it("carries some megabytes to a command's input, and as many back", async () => {
    const bytes = randomBytes(8 * 1024 * 1024);
    const client = await gate.dial(exec(["busybox", "head", "-c", String(bytes.length)], { stdin: true }));
    for (let at = 0; at < bytes.length; at += 30_000) client.send(0, bytes.subarray(at, at + 30_000));
    await client.ended;
    expect(client.received(1).equals(bytes)).toBe(true);
  }, 60_000);

  it("gives a terminal, whose size is set by bytes that are not read here", async () => {
    const script =
      "echo ready; until busybox stty size 2>/dev/null | busybox grep .; do busybox usleep 10000; done";
    const client = await gate.dial(exec(["sh", "-c", script], { stdin: true, stderr: false, tty: true }));
    await client.said(1, "ready");
    client.send(4, JSON.stringify({ Width: 99, Height: 33 }));
    await client.ended;
    expect(client.received(1).toString()).toContain("33 99");
  });

  it("attaches to what runs, both ways", async () => {
    const ends = { stdin: true, stdout: true, stderr: false, tty: false };
    const client = await gate.dial({ verb: "attach", ...POD, container: "main", ...ends });
    client.send(0, "hello\n");
    await client.said(1, "got hello\n");
    await client.end();
  });

  it("forwards a port of the pod's own network", async () => {
    const client = await gate.dial({ verb: "portForward", ...POD, ports: [8080] });
    client.send(0, "GET /passwd HTTP/1.0\r\n\r\n");
    await client.said(0, "root:x:0:0");
    expect(client.received(0).readUInt16LE()).toBe(8080);
    await client.end();
  });

  it("forwards fifty connections at once, and leaves none of them open", async () => {
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => gate.dial({ verb: "portForward", ...POD, ports: [8080] })),
    );
    for (const client of clients) client.send(0, "GET /passwd HTTP/1.0\r\n\r\n");
    await Promise.all(clients.map((client) => client.said(0, "root:x:0:0")));
    await Promise.all(clients.map((client) => client.end()));
    await eventually("no stream is left", async () => (await live()) === 0);
  });

  it("reads logs, of a run that is over too", async () => {
    expect(await logOf("done")).toBe("said once\n");
    expect(await logOf("web", { tailLines: 1 })).toBe("got hello\n");
  });

  it("follows a log until the reader goes", async () => {
    const asked = { verb: "logs", ...POD, container: "main", options: { follow: true, tailLines: 0 } };
    const { stream } = await pair.cloud.open(asked);
    const client = await gate.dial(exec(["sh", "-c", "echo fresh > /proc/1/fd/1"]));
    await client.ended;
    const [line] = (await once(stream, "data")) as [Buffer];
    expect(line.toString()).toBe("fresh\n");
    await eventually("the command's stream is gone", async () => (await live()) === 1);
    stream.destroy();
    await eventually("the log is let go", async () => (await live()) === 0);
  });

  it("refuses in a kubelet's words what cannot be", async () => {
    await expect(logOf("stuck")).rejects.toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringMatching(
        /^container "main" in pod "stuck" is waiting to start: (trying and failing to pull image|image can't be pulled)$/,
      ),
    });
    await expect(logOf("done", { previous: true })).rejects.toMatchObject({ code: "BAD_REQUEST" });
    await expect(ask(exec(["true"], { pod: "done", uid: "uid-done" }))).rejects.toMatchObject({
      code: "BAD_REQUEST",
      message: `container "main" in pod "done" is not running`,
    });
    await expect(ask(exec(["true"], { container: "other" }))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("B148 knows no pod of another node, another uid or another namespace", async () => {
    for (const other of [{ pod: "elsewhere" }, { uid: "uid-old" }, { namespace: "other" }])
      await expect(ask(exec(["true"], other))).rejects.toMatchObject({ code: "NOT_FOUND", status: 404 });
    const asked = { ...POD, namespace: "other", ports: [8080], verb: "portForward" };
    await expect(ask(asked)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("S25 dials nothing but the runtime's streaming server, whatever is asked", async () => {
    const before = dialled.length;
    for (const asked of [
      { verb: "GET http://169.254.169.254" },
      { verb: "get", url: "http://169.254.169.254/" },
      { ...exec(["true"]), url: "http://169.254.169.254/" },
      { verb: "read", what: "../../etc/shadow" },
    ])
      await expect(pair.cloud.open(asked)).rejects.toMatchObject({ name: "StreamError" });
    expect(malformed).toEqual(Array(4).fill("UNSUPPORTED"));
    expect(dialled.length).toBe(before);
    expect(new Set(dialled)).toEqual(new Set(["127.0.0.1"]));
  });

  const spdy = (protocol: string) => ({
    method: "POST",
    headers: [
      ["connection", "Upgrade"],
      ["upgrade", "SPDY/3.1"],
      ["x-stream-protocol-version", protocol],
    ],
  });
  it("upgrades to SPDY too", async () => {
    const { stream } = await pair.cloud.open({ ...exec(["true"]), upgrade: spdy("v4.channel.k8s.io") });
    const [answer] = (await once(stream, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 101 /);
    stream.destroy();
  });

  it("S25 hands the runtime one request a connection, also where it refuses to upgrade", async () => {
    const { stream } = await pair.cloud.open({ ...exec(["true"]), upgrade: spdy("none.of.its.own") });
    let answer = "";
    stream.on("data", (data: Buffer) => (answer += data.toString()));
    const closed = new Promise((resolve) => stream.once("close", resolve));
    stream.end("GET /second HTTP/1.1\r\nhost: x\r\n\r\n");
    await closed;
    // The first answer itself may be lost: the runtime drops a connection that sends on.
    expect(answer).toMatch(/^(HTTP\/1\.1 403 |$)/);
    expect(answer.match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThanOrEqual(1);
  });

  it("answers about the node itself", async () => {
    expect(await read("healthz")).toMatchObject({ body: "ok" });
    const { contentType, body } = await read("pods");
    expect(contentType).toBe("application/json");
    const list = JSON.parse(body) as { items: { metadata: object; status: object }[] };
    expect(list).toMatchObject({ kind: "PodList", apiVersion: "v1" });
    expect(list.items.map(({ metadata, status }) => ({ metadata, status }))).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          metadata: expect.objectContaining({ name: "web" }),
          status: expect.objectContaining({ phase: "Running" }),
        }),
      ]),
    );
    expect((await read("metrics/resource")).body).toContain('container="web"');
  });

  it("ends a command whose runtime dies, says so to who comes then, and goes on with the next runtime", async () => {
    const client = await gate.dial(exec(["sleep", "3600"], { stdin: true }));
    await containerd.kill();
    await client.ended;
    await eventually("no stream is left", async () => (await live()) === 0);
    await expect(ask(exec(["true"]))).rejects.toMatchObject({
      code: "INTERNAL",
      message: "the container runtime of this node is not there",
    });
    await containerd.start();
    await eventually("a command runs again", () => finished(exec(["true"])).then(isSuccess, () => false));
  }, 60_000);

  it("leaves nothing open, and ends what is open when the agent ends", async () => {
    await eventually("no stream is left", async () => (await live()) === 0);
    const client = await gate.dial(exec(["sleep", "3600"], { stdin: true }));
    expect(await live()).toBe(1);
    opener.close();
    await client.ended;
    expect(await live()).toBe(0);
    await expect(ask(exec(["true"]))).rejects.toMatchObject({ code: "LOST" });
  });
});
