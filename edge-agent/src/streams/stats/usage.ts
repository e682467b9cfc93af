// SPDX-License-Identifier: Apache-2.0
// What is known of a node and of what runs on it, at one time. Everything that the kernel or the runtime may not
// tell is optional; bytes, nanoseconds, and milliseconds since the epoch.

export interface CpuUsage {
  readonly atMs: number;
  /** since the start; grows by 1e9 a second and core */
  readonly usageNs: number;
  readonly userNs?: number | undefined;
  readonly systemNs?: number | undefined;
  /** of late, in billionths of a core */
  readonly nanoCores?: number | undefined;
}

export interface MemoryUsage {
  readonly atMs: number;
  readonly usageBytes?: number | undefined;
  /** what cannot be had back without harm: usage less the file pages that were not touched of late */
  readonly workingSetBytes?: number | undefined;
  readonly availableBytes?: number | undefined;
  readonly rssBytes?: number | undefined;
  readonly cacheBytes?: number | undefined;
  readonly mappedFileBytes?: number | undefined;
  readonly swapBytes?: number | undefined;
  readonly maxUsageBytes?: number | undefined;
  readonly limitHits?: number | undefined;
  readonly pageFaults?: number | undefined;
  readonly majorPageFaults?: number | undefined;
}

export interface Throttling {
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledNs: number;
}

export interface Bounds {
  /** 0: none */
  readonly memoryBytes: number;
  readonly cpuShares?: number | undefined;
  readonly cpuPeriodUs?: number | undefined;
  /** undefined: none */
  readonly cpuQuotaUs?: number | undefined;
}

/** One cgroup. */
export interface CgroupUsage {
  readonly cpu?: CpuUsage | undefined;
  readonly memory?: MemoryUsage | undefined;
  readonly throttling?: Throttling | undefined;
  readonly bounds?: Bounds | undefined;
  readonly processes?: number | undefined;
}

/** Counters of one direction of an interface; packets and drops are not known of every source. */
export interface Traffic {
  readonly bytes: number;
  readonly errors: number;
  readonly packets?: number | undefined;
  readonly dropped?: number | undefined;
}

export interface InterfaceUsage {
  readonly name: string;
  readonly rx: Traffic;
  readonly tx: Traffic;
}

export interface NetworkUsage {
  readonly atMs: number;
  /** name of the one that leads out */
  readonly main: string;
  readonly interfaces: readonly InterfaceUsage[];
}

/** A filesystem, or the part of it that somebody uses. */
export interface FsUsage {
  readonly atMs: number;
  readonly capacityBytes?: number | undefined;
  readonly availableBytes?: number | undefined;
  readonly usedBytes?: number | undefined;
  readonly inodes?: number | undefined;
  readonly inodesFree?: number | undefined;
  readonly inodesUsed?: number | undefined;
}

export interface ContainerUsage extends CgroupUsage {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly createdAtMs: number;
  /** below the root of the hierarchy; "" when it was not found */
  readonly cgroup: string;
  readonly rootFs?: FsUsage | undefined;
  readonly logs?: FsUsage | undefined;
}

export interface PodUsage extends CgroupUsage {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly sandboxId: string;
  readonly createdAtMs: number;
  readonly cgroup: string;
  /** undefined on the node's own network */
  readonly network?: NetworkUsage | undefined;
  readonly containers: readonly ContainerUsage[];
}

export interface MachineUsage {
  readonly bootedAtMs: number;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly cpu?: CpuUsage | undefined;
  readonly memory?: MemoryUsage | undefined;
  readonly network?: NetworkUsage | undefined;
  readonly fs?: FsUsage | undefined;
  readonly imageFs?: FsUsage | undefined;
  readonly maxProcesses?: number | undefined;
  readonly processes?: number | undefined;
}

/** One look at the node. */
export interface NodeUsage {
  readonly atMs: number;
  readonly machine: MachineUsage;
  readonly pods: readonly PodUsage[];
  /** Number of containers by state, in CRI's words without their prefix. */
  readonly containerStates: Readonly<Record<string, number>>;
  /** Why nothing is known of pods, when the runtime does not list them. */
  readonly fault?: Error | undefined;
}
