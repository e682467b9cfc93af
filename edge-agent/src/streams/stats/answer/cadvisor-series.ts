// SPDX-License-Identifier: Apache-2.0
import type { Family } from "./exposition.ts";
import type {
  Bounds,
  CgroupUsage,
  CpuUsage,
  FsUsage,
  InterfaceUsage,
  MemoryUsage,
  NetworkUsage,
  Throttling,
} from "../usage.ts";

/** One thing that has series: the node, a pod, its network, a container. */
export interface Subject extends CgroupUsage {
  readonly labels: Readonly<Record<string, string>>;
  readonly network?: NetworkUsage | undefined;
  readonly fs?: FsUsage | undefined;
  readonly createdAtMs?: number;
  readonly seenAtMs?: number;
}

/** A value with the labels it has beside its subject's. */
export interface Point {
  readonly value: number | undefined;
  readonly atMs?: number | undefined;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Series extends Pick<Family, "name" | "type" | "help"> {
  readonly of: (subject: Subject) => readonly Point[];
}

type Value = number | undefined;

/** What the kernel counts in nanoseconds and milliseconds, Prometheus has in seconds. */
const NS = 1e9;
const MS = 1e3;

const seconds = (value: Value, unit: number): Value => (value === undefined ? undefined : value / unit);

/** A series of one source of a subject; a subject without it has none. */
const from =
  <S extends { readonly atMs?: number }>(
    source: (subject: Subject) => S | undefined,
    type: Family["type"],
    extra?: Readonly<Record<string, string>>,
  ) =>
  (name: string, help: string, pick: (source: S) => Value): Series => ({
    name,
    type,
    help,
    of: (subject) => {
      const found = source(subject);
      if (found === undefined) return [];
      return [{ value: pick(found), atMs: found.atMs, ...(extra && { labels: extra }) }];
    },
  });

const cpuTotal = from<CpuUsage>((s) => s.cpu, "counter", { cpu: "total" });
const cpu = from<CpuUsage>((s) => s.cpu, "counter");
const throttled = from<Throttling & { atMs: number }>(
  // cAdvisor has these for what has a quota only: elsewhere they would stay at 0
  (s) => (s.bounds?.cpuQuotaUs === undefined || !s.throttling ? undefined : at(s, s.throttling)),
  "counter",
);
const memory = from<MemoryUsage>((s) => s.memory, "gauge");
const memoryCounter = from<MemoryUsage>((s) => s.memory, "counter");
const fs = from<FsUsage>((s) => s.fs, "gauge", { device: "" });
const spec = from<Bounds & { atMs?: number }>((s) => s.bounds, "gauge");
const processes = from<{ atMs: number; count: number }>(
  (s) => (s.processes === undefined ? undefined : at(s, { count: s.processes })),
  "gauge",
);

const at = <T extends object>(subject: Subject, value: T): T & { atMs: number } => ({
  ...value,
  atMs: subject.seenAtMs ?? 0,
});

const traffic = (name: string, help: string, pick: (i: InterfaceUsage) => Value): Series => ({
  name: `container_network_${name}_total`,
  type: "counter",
  help,
  of: ({ network }) =>
    (network?.interfaces ?? []).map((i) => ({
      value: pick(i),
      atMs: network?.atMs,
      labels: { interface: i.name },
    })),
});

const FAULTS = [
  ["pgfault", (m: MemoryUsage): Value => m.pageFaults],
  ["pgmajfault", (m: MemoryUsage): Value => m.majorPageFaults],
] as const;

/** The names are cAdvisor's. @see its list of Prometheus metrics */
export const SERIES: readonly Series[] = [
  cpuTotal("container_cpu_usage_seconds_total", "CPU time.", (c) => seconds(c.usageNs, NS)),
  cpu("container_cpu_user_seconds_total", "CPU time in programs.", (c) => seconds(c.userNs, NS)),
  cpu("container_cpu_system_seconds_total", "CPU time in the kernel.", (c) => seconds(c.systemNs, NS)),
  throttled("container_cpu_cfs_periods_total", "Periods in which the quota was watched.", (t) => t.periods),
  throttled(
    "container_cpu_cfs_throttled_periods_total",
    "Periods in which the quota was used up.",
    (t) => t.throttledPeriods,
  ),
  throttled("container_cpu_cfs_throttled_seconds_total", "Time held back by the quota.", (t) =>
    seconds(t.throttledNs, NS),
  ),
  memory("container_memory_usage_bytes", "Memory in use, file pages too.", (m) => m.usageBytes),
  memory("container_memory_working_set_bytes", "Memory that is in use of late.", (m) => m.workingSetBytes),
  memory("container_memory_rss", "Memory that no file backs.", (m) => m.rssBytes),
  memory("container_memory_cache", "Pages of files.", (m) => m.cacheBytes),
  memory("container_memory_mapped_file", "Pages of files that are mapped.", (m) => m.mappedFileBytes),
  memory("container_memory_swap", "Swap in use.", (m) => m.swapBytes),
  memory("container_memory_max_usage_bytes", "The most memory that was in use.", (m) => m.maxUsageBytes),
  memoryCounter("container_memory_failcnt", "Times that the limit was met.", (m) => m.limitHits),
  {
    name: "container_memory_failures_total",
    type: "counter",
    help: "Page faults.",
    of: ({ memory: used }) =>
      used === undefined
        ? []
        : FAULTS.map(([failure_type, pick]) => ({
            value: pick(used),
            atMs: used.atMs,
            labels: { failure_type, scope: "hierarchy" },
          })),
  },
  traffic("receive_bytes", "Bytes received.", (i) => i.rx.bytes),
  traffic("receive_packets", "Packets received.", (i) => i.rx.packets),
  traffic("receive_packets_dropped", "Packets dropped on receiving.", (i) => i.rx.dropped),
  traffic("receive_errors", "Errors on receiving.", (i) => i.rx.errors),
  traffic("transmit_bytes", "Bytes sent.", (i) => i.tx.bytes),
  traffic("transmit_packets", "Packets sent.", (i) => i.tx.packets),
  traffic("transmit_packets_dropped", "Packets dropped on sending.", (i) => i.tx.dropped),
  traffic("transmit_errors", "Errors on sending.", (i) => i.tx.errors),
  fs("container_fs_usage_bytes", "Bytes written to its own layer.", (f) => f.usedBytes),
  fs("container_fs_limit_bytes", "Size of the filesystem of the layer.", (f) => f.capacityBytes),
  fs("container_fs_inodes_total", "Inodes of the filesystem of the layer.", (f) => f.inodes),
  fs("container_fs_inodes_free", "Inodes left in the filesystem of the layer.", (f) => f.inodesFree),
  processes("container_processes", "Processes and threads.", (p) => p.count),
  spec("container_spec_cpu_period", "Period of the CPU quota, microseconds.", (b) => b.cpuPeriodUs),
  spec("container_spec_cpu_quota", "CPU quota of a period, microseconds.", (b) => b.cpuQuotaUs),
  spec("container_spec_cpu_shares", "CPU shares.", (b) => b.cpuShares),
  spec("container_spec_memory_limit_bytes", "Memory limit, 0 for none.", (b) => b.memoryBytes),
  {
    name: "container_start_time_seconds",
    type: "gauge",
    help: "When it was made, since the epoch.",
    of: ({ createdAtMs }) => [{ value: createdAtMs && createdAtMs / MS }],
  },
  {
    name: "container_last_seen",
    type: "gauge",
    help: "When it was last looked at, since the epoch.",
    of: ({ seenAtMs }) => [{ value: seenAtMs && Math.floor(seenAtMs / MS), atMs: seenAtMs }],
  },
];
