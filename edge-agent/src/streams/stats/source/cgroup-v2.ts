// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { countersIn, numberIn, textOf } from "./files.ts";
import type { Bounds, CgroupUsage, CpuUsage, MemoryUsage, Throttling } from "../usage.ts";

/** A cgroup of the unified hierarchy. */
export function readV2(root: string, cgroup: string, atMs: number): CgroupUsage {
  const text = (file: string): string | undefined => textOf(join(root, cgroup, file));
  const [stat, memory, bounds, pids] = [
    text("cpu.stat"),
    memoryOf(text, atMs),
    boundsOf(text),
    text("pids.current"),
  ];
  const counters = countersIn(stat);
  return {
    cpu: cpuOf(counters, atMs),
    throttling: throttlingOf(counters),
    memory,
    bounds,
    processes: numberIn(pids),
  };
}

type Text = (file: string) => string | undefined;
type Counters = ReadonlyMap<string, number>;

const nanos = (us: number | undefined): number | undefined => (us === undefined ? undefined : us * 1000);

function cpuOf(counters: Counters, atMs: number): CpuUsage | undefined {
  const usageNs = nanos(counters.get("usage_usec"));
  if (usageNs === undefined) return undefined;
  return {
    atMs,
    usageNs,
    userNs: nanos(counters.get("user_usec")),
    systemNs: nanos(counters.get("system_usec")),
  };
}

function throttlingOf(counters: Counters): Throttling | undefined {
  const periods = counters.get("nr_periods");
  if (periods === undefined) return undefined;
  return {
    periods,
    throttledPeriods: counters.get("nr_throttled") ?? 0,
    throttledNs: nanos(counters.get("throttled_usec")) ?? 0,
  };
}

function memoryOf(text: Text, atMs: number): MemoryUsage | undefined {
  const [current, stat, swap, peak, events] = [
    text("memory.current"),
    text("memory.stat"),
    text("memory.swap.current"),
    text("memory.peak"),
    text("memory.events"),
  ];
  const usageBytes = numberIn(current);
  if (usageBytes === undefined) return undefined; // the root has none
  const counters = countersIn(stat);
  return {
    atMs,
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - (counters.get("inactive_file") ?? 0)),
    rssBytes: counters.get("anon"),
    cacheBytes: counters.get("file"),
    mappedFileBytes: counters.get("file_mapped"),
    swapBytes: numberIn(swap),
    pageFaults: counters.get("pgfault"),
    majorPageFaults: counters.get("pgmajfault"),
    maxUsageBytes: numberIn(peak),
    limitHits: countersIn(events).get("max"),
  };
}

function boundsOf(text: Text): Bounds | undefined {
  const [limit, max, weight] = [text("memory.max"), text("cpu.max"), text("cpu.weight")];
  if (limit === undefined && weight === undefined) return undefined;
  const [quota, period] = (max ?? "").trim().split(" ");
  return {
    memoryBytes: numberIn(limit) ?? 0, // "max" is none
    cpuShares: sharesOf(numberIn(weight)),
    cpuPeriodUs: numberIn(period),
    cpuQuotaUs: numberIn(quota),
  };
}

/** The weight as the shares it was made of: the inverse of what the runtimes do. */
const sharesOf = (weight: number | undefined): number | undefined =>
  weight === undefined ? undefined : 2 + Math.ceil(((weight - 1) * 262_142) / 9_999);
