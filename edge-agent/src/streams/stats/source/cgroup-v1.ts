// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { countersIn, numberIn, textOf } from "./files.ts";
import type { Bounds, CgroupUsage, CpuUsage, MemoryUsage, Throttling } from "../usage.ts";

/** From here on a limit of the first hierarchy means that there is none: it is the largest whole page below 2^63. */
const UNLIMITED_BYTES = 2 ** 62;

/** A cgroup of the split hierarchies: each controller has its own tree below `root`. */
export function readV1(root: string, cgroup: string, atMs: number): CgroupUsage {
  const text = (controller: string, file: string): string | undefined =>
    textOf(join(root, controller, cgroup, file));
  const [cpu, memory, throttling, bounds, pids] = [
    cpuOf(text, atMs),
    memoryOf(text, atMs),
    throttlingOf(text),
    boundsOf(text),
    text("pids", "pids.current"),
  ];
  return { cpu, memory, throttling, bounds, processes: numberIn(pids) };
}

type Text = (controller: string, file: string) => string | undefined;

function cpuOf(text: Text, atMs: number): CpuUsage | undefined {
  const [usage, user, system] = [
    text("cpuacct", "cpuacct.usage"),
    text("cpuacct", "cpuacct.usage_user"),
    text("cpuacct", "cpuacct.usage_sys"),
  ];
  const usageNs = numberIn(usage);
  return usageNs === undefined
    ? undefined
    : { atMs, usageNs, userNs: numberIn(user), systemNs: numberIn(system) };
}

function memoryOf(text: Text, atMs: number): MemoryUsage | undefined {
  const [usage, stat, max, failcnt] = [
    text("memory", "memory.usage_in_bytes"),
    text("memory", "memory.stat"),
    text("memory", "memory.max_usage_in_bytes"),
    text("memory", "memory.failcnt"),
  ];
  const usageBytes = numberIn(usage);
  if (usageBytes === undefined) return undefined;
  const counters = countersIn(stat);
  return {
    atMs,
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - (counters.get("total_inactive_file") ?? 0)),
    rssBytes: counters.get("total_rss"),
    cacheBytes: counters.get("total_cache"),
    mappedFileBytes: counters.get("total_mapped_file"),
    swapBytes: counters.get("total_swap"),
    pageFaults: counters.get("total_pgfault"),
    majorPageFaults: counters.get("total_pgmajfault"),
    maxUsageBytes: numberIn(max),
    limitHits: numberIn(failcnt),
  };
}

function throttlingOf(text: Text): Throttling | undefined {
  const counters = countersIn(text("cpu", "cpu.stat"));
  const periods = counters.get("nr_periods");
  if (periods === undefined) return undefined;
  return {
    periods,
    throttledPeriods: counters.get("nr_throttled") ?? 0,
    throttledNs: counters.get("throttled_time") ?? 0,
  };
}

function boundsOf(text: Text): Bounds | undefined {
  const [limit, shares, period, quota] = [
    text("memory", "memory.limit_in_bytes"),
    text("cpu", "cpu.shares"),
    text("cpu", "cpu.cfs_period_us"),
    text("cpu", "cpu.cfs_quota_us"),
  ];
  const memoryBytes = numberIn(limit);
  if (memoryBytes === undefined && shares === undefined) return undefined;
  return {
    memoryBytes: memoryBytes === undefined || memoryBytes >= UNLIMITED_BYTES ? 0 : memoryBytes,
    cpuShares: numberIn(shares),
    cpuPeriodUs: numberIn(period),
    cpuQuotaUs: numberIn(quota), // -1 is no number of ours: none
  };
}
