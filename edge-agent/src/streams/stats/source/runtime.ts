// SPDX-License-Identifier: Apache-2.0
import type {
  ContainerStats,
  CpuUsage as CriCpu,
  FilesystemUsage,
  MemoryUsage as CriMemory,
  NetworkInterfaceUsage,
  PodSandboxStats,
  UInt64Value,
} from "@longshore/crds/cri";
import { mainOf } from "./network.ts";
import type { CpuUsage, FsUsage, InterfaceUsage, MemoryUsage, NetworkUsage } from "../usage.ts";

/** Nanoseconds since the epoch, as CRI tells times, in milliseconds. */
export const msOf = (nanos: bigint): number => Number(nanos / 1_000_000n);

const number = (value: UInt64Value | undefined): number | undefined =>
  value === undefined ? undefined : Number(value.value);

/** What the runtime tells of CPU time; `atMs` stands in for a runtime that does not say when. */
export function cpuOf(cpu: CriCpu | undefined, atMs: number): CpuUsage | undefined {
  const usageNs = number(cpu?.usageCoreNanoSeconds);
  if (cpu === undefined || usageNs === undefined) return undefined;
  return { atMs: msOf(cpu.timestamp) || atMs, usageNs, nanoCores: number(cpu.usageNanoCores) };
}

/** What the runtime tells of memory; undefined when it does not know the working set. */
export function memoryOf(
  memory: CriMemory | undefined,
  swap: ContainerStats["swap"],
  atMs: number,
): MemoryUsage | undefined {
  const workingSetBytes = number(memory?.workingSetBytes);
  if (memory === undefined || workingSetBytes === undefined) return undefined;
  return {
    atMs: msOf(memory.timestamp) || atMs,
    workingSetBytes,
    // 0 is what runtimes say where there is no limit
    availableBytes: number(memory.availableBytes) || undefined,
    usageBytes: number(memory.usageBytes),
    rssBytes: number(memory.rssBytes),
    pageFaults: number(memory.pageFaults),
    majorPageFaults: number(memory.majorPageFaults),
    swapBytes: number(swap?.swapUsageBytes),
  };
}

/** The part of a filesystem that somebody uses, with the room that is left to all. */
export function fsOf(part: FilesystemUsage | undefined, whole: FsUsage | undefined): FsUsage | undefined {
  if (part === undefined) return undefined;
  return {
    ...whole,
    atMs: msOf(part.timestamp) || (whole?.atMs ?? 0),
    usedBytes: number(part.usedBytes),
    inodesUsed: number(part.inodesUsed),
  };
}

const interfaceOf = (i: NetworkInterfaceUsage): InterfaceUsage => ({
  name: i.name,
  rx: { bytes: number(i.rxBytes) ?? 0, errors: number(i.rxErrors) ?? 0 },
  tx: { bytes: number(i.txBytes) ?? 0, errors: number(i.txErrors) ?? 0 },
});

/** What the runtime tells of a sandbox's network, for sandboxes whose processes the node cannot see. */
export function networkOf(stats: PodSandboxStats | undefined, atMs: number): NetworkUsage | undefined {
  const network = stats?.linux?.network;
  if (network === undefined) return undefined;
  const named = network.defaultInterface;
  const others = network.interfaces.filter(({ name }) => name !== named?.name);
  const interfaces = [...(named === undefined ? [] : [named]), ...others].map(interfaceOf);
  return { atMs: msOf(network.timestamp) || atMs, interfaces, main: named?.name ?? mainOf(interfaces) };
}
