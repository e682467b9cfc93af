// SPDX-License-Identifier: Apache-2.0
import {
  ContainerState,
  PodSandboxState,
  type Container,
  type ContainerStats,
  type PodSandbox,
} from "@longshore/crds/cri";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createNodeReader, type NodeReader, type NodeReaderDeps } from "../../../src/streams/stats/index.ts";
import { HandClock } from "../../pods/hand-clock.ts";

export type Tree = Readonly<Record<string, string>>;

/** Writes files below a folder; what begins with "->" becomes a link. */
export function plant(dir: string, tree: Tree): void {
  for (const [name, text] of Object.entries(tree)) {
    const path = join(dir, name);
    mkdirSync(dirname(path), { recursive: true });
    if (text.startsWith("->")) symlinkSync(text.slice(2), path);
    else writeFileSync(path, text);
  }
}

const lines = (counters: Readonly<Record<string, number>>): string =>
  Object.entries(counters)
    .map(([key, value]) => `${key} ${value}\n`)
    .join("");

/** One cgroup, told in the terms of both hierarchies. */
export interface Group {
  readonly cpuMs: number;
  readonly usageBytes: number;
  readonly inactiveFileBytes: number;
  readonly limitBytes?: number;
  readonly quotaUs?: number;
  readonly pids?: readonly number[];
}

export function v1(path: string, group: Group): Tree {
  const { cpuMs, usageBytes, inactiveFileBytes, limitBytes, quotaUs, pids = [] } = group;
  const at = (controller: string, files: Tree): Tree =>
    Object.fromEntries(Object.entries(files).map(([name, text]) => [join(controller, path, name), text]));
  return {
    ...at("cpuacct", {
      "cpuacct.usage": `${cpuMs}000000\n`,
      "cpuacct.usage_user": `${cpuMs - 1}000000\n`,
      "cpuacct.usage_sys": "1000000\n",
    }),
    ...at("cpu", {
      "cpu.stat": lines({ nr_periods: 50, nr_throttled: 5, throttled_time: 2_500_000_000 }),
      "cpu.shares": "102\n",
      "cpu.cfs_period_us": "100000\n",
      "cpu.cfs_quota_us": `${quotaUs ?? -1}\n`,
    }),
    ...at("memory", {
      "memory.usage_in_bytes": `${usageBytes}\n`,
      "memory.max_usage_in_bytes": `${usageBytes + 1}\n`,
      "memory.failcnt": "3\n",
      "memory.limit_in_bytes": `${limitBytes ?? "9223372036854771712"}\n`,
      "memory.stat": lines({
        cache: 1,
        rss: 1,
        total_cache: 4_096,
        total_rss: 8_192,
        total_mapped_file: 512,
        total_swap: 0,
        total_inactive_file: inactiveFileBytes,
        total_pgfault: 70,
        total_pgmajfault: 7,
      }),
      "cgroup.procs": pids.map((pid) => `${pid}\n`).join(""),
    }),
    ...at("pids", { "pids.current": `${pids.length}\n` }),
  };
}

export function v2(path: string, group: Group): Tree {
  const { cpuMs, usageBytes, inactiveFileBytes, limitBytes, quotaUs, pids = [] } = group;
  const files: Tree = {
    "cpu.stat": lines({
      usage_usec: cpuMs * 1000,
      user_usec: (cpuMs - 1) * 1000,
      system_usec: 1000,
      nr_periods: 50,
      nr_throttled: 5,
      throttled_usec: 2_500_000,
    }),
    "cpu.max": `${quotaUs ?? "max"} 100000\n`,
    "cpu.weight": "4\n",
    "memory.current": `${usageBytes}\n`,
    "memory.peak": `${usageBytes + 1}\n`,
    "memory.events": lines({ low: 0, high: 0, max: 3, oom: 0 }),
    "memory.max": `${limitBytes ?? "max"}\n`,
    "memory.swap.current": "0\n",
    "memory.stat": lines({
      anon: 8_192,
      file: 4_096,
      file_mapped: 512,
      inactive_file: inactiveFileBytes,
      pgfault: 70,
      pgmajfault: 7,
    }),
    "pids.current": `${pids.length}\n`,
    "cgroup.procs": pids.map((pid) => `${pid}\n`).join(""),
  };
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [join(path, name), text]));
}

const DEV_HEAD =
  "Inter-|   Receive | Transmit\n face |bytes packets errs drop fifo frame compressed multicast|\n";
const dev = (name: string, rxBytes: number, txBytes: number): string =>
  `${name.padStart(6)}: ${rxBytes} 10 1 2 0 0 0 0 ${txBytes} 20 3 4 0 0 0 0\n`;

/** A machine with two cores, 1 GiB and a network of its own. */
export const PROC: Tree = {
  stat: "cpu  100 0 50 900 7 3 2 9 0 0\ncpu0 50 0 25 450 3 1 1 4 0 0\ncpu1 50 0 25 450 4 2 1 5 0 0\nbtime 1699990000\n",
  meminfo:
    "MemTotal:        1048576 kB\nMemFree:          524288 kB\nCached:           300000 kB\nInactive(file):   131072 kB\nAnonPages:        200000 kB\nMapped:            1000 kB\nSwapTotal:          2048 kB\nSwapFree:           1024 kB\n",
  vmstat: "pgfault 900\npgmajfault 9\n",
  "net/dev": `${DEV_HEAD}${dev("lo", 5, 5)}${dev("veth1", 6, 6)}${dev("ens3", 1_000, 2_000)}`,
  "net/route": "Iface\tDestination\tGateway\tFlags\nens3\t00000000\t0100000A\t0003\n",
  "sys/kernel/pid_max": "32768\n",
  loadavg: "0.10 0.10 0.10 1/123 999\n",
  "self/ns/net": "->net:[1]",
};

/** Processes of pods: 71 on a network of its own, 72 on the node's. */
export const PROCESSES: Tree = {
  "71/ns/net": "->net:[7]",
  "71/net/dev": `${DEV_HEAD}${dev("lo", 9, 9)}${dev("eth0", 300, 400)}`,
  "72/ns/net": "->net:[1]",
  "72/net/dev": `${DEV_HEAD}${dev("eth0", 1, 1)}`,
};

export const id = (name: string): string => Buffer.from(name.padEnd(32, ".")).toString("hex");
const nanos = (ms: number): bigint => BigInt(ms) * 1_000_000n;
export const STARTED_MS = 1_699_999_000_000;

export const sandbox = (pod: string, more: Partial<PodSandbox> = {}): PodSandbox => ({
  id: id(`sandbox-${pod}`),
  metadata: { name: pod, namespace: "shop", uid: `uid-${pod}`, attempt: 0 },
  state: PodSandboxState.SANDBOX_READY,
  createdAt: nanos(STARTED_MS),
  labels: {},
  annotations: {},
  runtimeHandler: "",
  ...more,
});

export const container = (pod: string, name: string, more: Partial<Container> = {}): Container => ({
  id: id(`${pod}-${name}`),
  podSandboxId: id(`sandbox-${pod}`),
  metadata: { name, attempt: 0 },
  image: { image: "localhost/app:1", annotations: {}, userSpecifiedImage: "", runtimeHandler: "" },
  imageRef: "sha256:1",
  state: ContainerState.CONTAINER_RUNNING,
  createdAt: nanos(STARTED_MS + 500),
  labels: {},
  annotations: {},
  imageId: "",
  ...more,
});

/** What a runtime tells of a container: CPU time, working set and the size of its layer. */
export const stats = (pod: string, name: string, atMs: number, cpuMs: number): ContainerStats => ({
  attributes: { id: id(`${pod}-${name}`), labels: {}, annotations: {} },
  cpu: { timestamp: nanos(atMs), usageCoreNanoSeconds: { value: nanos(cpuMs) } },
  memory: { timestamp: nanos(atMs), workingSetBytes: { value: 5_000n } },
  writableLayer: {
    timestamp: nanos(atMs),
    fsId: { mountpoint: "/" },
    usedBytes: { value: 777n },
    inodesUsed: { value: 7n },
  },
});

/** A node made of files, with a runtime that answers as it is told. */
export interface FakeNode {
  readonly dir: string;
  readonly clock: HandClock;
  readonly registry: Registry;
  readonly warnings: string[];
  cri: NodeReaderDeps["cri"];
  readonly calls: Record<string, number>;
  reader(more?: Partial<NodeReaderDeps>): NodeReader;
  remove(): void;
}

export function fakeNode(trees: { readonly cgroup: Tree; readonly proc?: Tree }): FakeNode {
  const dir = mkdtempSync("/tmp/stats-");
  plant(join(dir, "proc"), { ...PROC, ...PROCESSES, ...trees.proc });
  plant(join(dir, "cgroup"), trees.cgroup);
  const clock = new HandClock();
  const registry = new Registry();
  const warnings: string[] = [];
  const log = pino(
    { level: "warn" },
    { write: (line: string) => void warnings.push((JSON.parse(line) as { part: string }).part) },
  );
  const calls: Record<string, number> = {};
  const node: FakeNode = {
    ...{ dir, clock, registry, warnings, calls },
    cri: runtimeOf({}),
    reader: (more) =>
      createNodeReader({
        cri: counted(node, calls),
        nodeName: "edge-1",
        paths: { rootDir: dir, podLogsDir: join(dir, "logs"), procDir: join(dir, "proc") },
        cgroups: { dir: join(dir, "cgroup"), parent: "/longshore", driver: "cgroupfs" },
        podsJson: () => '{"kind":"PodList"}',
        ...{ registry, log, clock },
        sandboxImage: "pause:1",
        ...more,
      }),
    remove: () => rmSync(dir, { recursive: true }),
  };
  return node;
}

function counted(node: FakeNode, calls: Record<string, number>): NodeReaderDeps["cri"] {
  const call = (name: keyof NodeReaderDeps["cri"]) => () => {
    calls[name] = (calls[name] ?? 0) + 1;
    return node.cri[name]();
  };
  return {
    version: call("version"),
    listPodSandbox: call("listPodSandbox"),
    listContainers: call("listContainers"),
    listContainerStats: call("listContainerStats"),
    listPodSandboxStats: call("listPodSandboxStats"),
    imageFsInfo: call("imageFsInfo"),
  } as NodeReaderDeps["cri"];
}

/** A runtime with nothing on it, but for what is given. */
export function runtimeOf(answers: Partial<NodeReaderDeps["cri"]>): NodeReaderDeps["cri"] {
  const none = (): Promise<never[]> => Promise.resolve([]);
  return {
    version: () =>
      Promise.resolve({ version: "", runtimeName: "fake", runtimeVersion: "1", runtimeApiVersion: "v1" }),
    listPodSandbox: none,
    listContainers: none,
    listContainerStats: none,
    listPodSandboxStats: none,
    imageFsInfo: () =>
      Promise.resolve([
        {
          timestamp: 1_700_000_000_000_000_000n,
          fsId: { mountpoint: "/" },
          usedBytes: { value: 123n },
          inodesUsed: { value: 4n },
        },
      ]),
    ...answers,
  };
}
