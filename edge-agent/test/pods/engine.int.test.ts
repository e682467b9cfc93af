// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCri, type Cri } from "../../src/cri/index.ts";
import { createPodEngine, type PodEngine } from "../../src/pods/index.ts";
import type { Pod } from "../../src/pods/pod.ts";
import { startContainerd, type OwnContainerd } from "./containerd.ts";
import { FakeCloud, MemoryRecords, MemoryStore, podOf, silent } from "./fakes.ts";

let containerd: OwnContainerd;
let cri: Cri;
const IMAGE = "localhost/busybox:dev";
const CGROUP = `/lst${process.pid}`;

beforeAll(async () => {
  containerd = await startContainerd();
  cri = createCri({ endpoint: containerd.endpoint });
}, 60_000);

afterAll(async () => {
  cri.close();
  await containerd.stop();
}, 60_000);

interface Node {
  readonly store: MemoryStore;
  readonly records: MemoryRecords;
  readonly cloud: FakeCloud;
  engine: PodEngine;
  complete: boolean;
  restart(): Promise<void>;
}

const nodes: Node[] = [];

async function nodeOf(options: { connected?: boolean } = {}): Promise<Node> {
  const store = new MemoryStore();
  const records = new MemoryRecords();
  const cloud = new FakeCloud(options.connected ?? true);
  const listeners = new Set<() => void>();
  const engineOf = (node: Pick<Node, "complete">): PodEngine =>
    createPodEngine({
      store,
      records,
      uplink: cloud,
      isInventoryComplete: () => node.complete,
      onInventoryComplete: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      cri,
      node: { name: "edge-1", ip: "127.0.0.1" },
      options: {
        rootDir: join(containerd.dir, "kubelet"),
        podLogsDir: join(containerd.dir, "logs"),
        cgroupParent: CGROUP,
      },
      log: silent,
    });
  const node: Node = {
    store,
    records,
    cloud,
    complete: true,
    engine: undefined as unknown as PodEngine,
    restart: async () => {
      node.engine.stop();
      node.engine = engineOf(node);
      await node.engine.start();
    },
  };
  node.engine = engineOf(node);
  cloud.onDelete = (resource) => {
    const [namespace = "", , name = ""] = resource.split("/");
    store.remove("pod", namespace, name);
  };
  await node.engine.start();
  nodes.push(node);
  return node;
}

async function eventually<T>(
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 15_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

interface Statuses {
  readonly name: string;
  readonly containerID?: string;
  readonly restartCount: number;
  readonly ready: boolean;
  readonly state: Record<string, { reason?: string; exitCode?: number } | undefined>;
  readonly lastState: Record<string, { exitCode?: number; message?: string } | undefined>;
}

const containersOf = (node: Node, pod: string): Statuses[] =>
  (node.cloud.statusOf(pod)["containerStatuses"] as Statuses[] | undefined) ?? [];

const isReady = (node: Node, pod: string): true | undefined => {
  const status = node.cloud.statusOf(pod);
  return status["phase"] === "Running" && containersOf(node, pod).every((c) => c.ready) ? true : undefined;
};

const logOf = (pod: Pod, container: string, attempt = 0): string => {
  const dir = join(containerd.dir, "logs", `default_${pod.metadata.name}_${pod.metadata.uid}`, container);
  return existsSync(join(dir, `${attempt}.log`)) ? readFileSync(join(dir, `${attempt}.log`), "utf8") : "";
};

const sandboxesOf = async (uid: string): Promise<number> =>
  (await cri.listPodSandbox()).filter((s) => s.labels["io.kubernetes.pod.uid"] === uid).length;

async function deletePod(node: Node, pod: Pod, graceSeconds = 1): Promise<void> {
  const metadata = {
    ...pod.metadata,
    deletionTimestamp: new Date().toISOString(),
    deletionGracePeriodSeconds: graceSeconds,
  };
  node.store.put("pod", { ...pod, metadata });
  await eventually("the pod is forgotten", () => (node.engine.podCount() === 0 ? true : undefined));
}

afterEach(async () => {
  for (const node of nodes.splice(0)) {
    for (const object of node.store.list("pod")) node.store.remove("pod", object.namespace, object.name);
    await eventually("every pod is gone", () => (node.engine.podCount() === 0 ? true : undefined)).finally(
      () => node.engine.stop(),
    );
  }
}, 30_000);

describe("a pod through a real containerd", () => {
  it("runs on the host network and reports Running with its container id", async () => {
    const node = await nodeOf();
    const pod = podOf("host", {
      hostNetwork: true,
      containers: [{ name: "c", image: IMAGE, command: ["sleep", "3600"] }],
    });
    const startedAt = Date.now();
    node.store.put("pod", pod);
    await eventually("Running", () => isReady(node, "host"));
    const tookMs = Date.now() - startedAt;
    expect(node.cloud.statusOf("host")).toMatchObject({ podIP: "127.0.0.1", hostIP: "127.0.0.1" });
    expect(containersOf(node, "host")[0]).toMatchObject({
      name: "c",
      restartCount: 0,
      containerID: expect.stringMatching(/^containerd:\/\/[0-9a-f]{64}$/),
    });
    console.info(`create to Running: ${tookMs} ms`);
    const deletedAt = Date.now();
    await deletePod(node, pod);
    console.info(`delete with grace 1 s: ${Date.now() - deletedAt} ms`);
    expect(await sandboxesOf(pod.metadata.uid!)).toBe(0);
  }, 60_000);
});
