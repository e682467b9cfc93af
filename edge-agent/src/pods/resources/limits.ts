// SPDX-License-Identifier: Apache-2.0
import type { Container, Pod, ResourceList } from "../model/index.ts";
import { bytesOf, milliCpu } from "./quantity.ts";

/** Quality-of-service classes, in the API's words. */
export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

/** What the kernel is told of one container. */
export interface LinuxLimits {
  readonly cpuShares: number;
  readonly cpuPeriodUs: number;
  /** 0: no quota */
  readonly cpuQuotaUs: number;
  /** 0: no limit */
  readonly memoryBytes: number;
  readonly oomScoreAdj: number;
}

/** 0: no limit */
export interface PodLimits {
  readonly cpuShares: number;
  readonly cpuQuotaUs: number;
  readonly memoryBytes: number;
}

/** What the node decides about limits. */
export interface LimitContext {
  readonly nodeMemoryBytes: number;
  /** The agent's own score: lowering below it needs a capability that it may not have. */
  readonly ownOomScoreAdj: number;
  readonly cpuQuotaEnabled: boolean;
}

const CPU_PERIOD_US = 100_000;
const MIN_CPU_SHARES = 2;
const MAX_CPU_SHARES = 262_144;
const MIN_CPU_QUOTA_US = 1_000;
const COMPUTE = ["cpu", "memory"] as const;

const amount = (list: ResourceList | undefined, name: string): number =>
  name === "cpu" ? milliCpu(list?.[name]) : bytesOf(list?.[name]);

/** A request that is not given equals the limit, as the API server defaults it. */
export function requestOf(container: Container, name: "cpu" | "memory"): number {
  const { requests, limits } = container.resources ?? {};
  return requests?.[name] === undefined ? amount(limits, name) : amount(requests, name);
}

/** A limit in thousandths of a core or in bytes; 0: none. */
export const limitOf = (container: Container, name: "cpu" | "memory"): number =>
  amount(container.resources?.limits, name);

/** Quality-of-service class by the API's rules: what `status.qosClass` says. */
export function qosClass(pod: Pod): QosClass {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const asks = containers.flatMap((c) =>
    COMPUTE.map((name) => [requestOf(c, name), limitOf(c, name)] as const),
  );
  if (asks.every(([request, limit]) => request === 0 && limit === 0)) return "BestEffort";
  return asks.every(([request, limit]) => limit > 0 && request === limit) ? "Guaranteed" : "Burstable";
}

/** CPU shares for a request in thousandths of a core (1024 a core, the kernel's bounds). */
export function cpuShares(milli: number): number {
  return Math.min(MAX_CPU_SHARES, Math.max(MIN_CPU_SHARES, Math.floor((milli * 1024) / 1000)));
}

function oomScore(pod: Pod, container: Container, context: LimitContext): number {
  const qos = qosClass(pod);
  if (qos === "Guaranteed" || (pod.spec.priority ?? 0) >= 2_000_000_000) return -997;
  if (qos === "BestEffort") return 1000;
  const share = (1000 * requestOf(container, "memory")) / Math.max(1, context.nodeMemoryBytes);
  return Math.min(999, Math.max(3, 1000 - Math.floor(share)));
}

/** What the kernel is told of one container. Same curves as a kubelet's; never an oom score below the agent's own. */
export function linuxLimits(pod: Pod, container: Container, context: LimitContext): LinuxLimits {
  const limit = limitOf(container, "cpu");
  const quota =
    limit > 0 && context.cpuQuotaEnabled ? Math.max(MIN_CPU_QUOTA_US, limit * (CPU_PERIOD_US / 1000)) : 0;
  return {
    cpuShares: cpuShares(requestOf(container, "cpu")),
    cpuPeriodUs: CPU_PERIOD_US,
    cpuQuotaUs: quota,
    memoryBytes: limitOf(container, "memory"),
    oomScoreAdj: Math.max(context.ownOomScoreAdj, oomScore(pod, container, context)),
  };
}

/** Limits of the cgroup that holds all containers of a pod. A limit holds only if every container has one. */
export function podLimits(pod: Pod): PodLimits {
  const total = (of: (c: Container) => number): number =>
    pod.spec.containers.reduce((sum, c) => sum + of(c), 0);
  const allHave = (name: "cpu" | "memory"): boolean => pod.spec.containers.every((c) => limitOf(c, name) > 0);
  const initMax = (of: (c: Container) => number): number =>
    Math.max(0, ...(pod.spec.initContainers ?? []).map(of));
  const bound = (of: (c: Container) => number): number => Math.max(total(of), initMax(of));
  return {
    cpuShares: cpuShares(bound((c) => requestOf(c, "cpu"))),
    cpuQuotaUs: allHave("cpu") ? bound((c) => limitOf(c, "cpu")) * (CPU_PERIOD_US / 1000) : 0,
    memoryBytes: allHave("memory") ? bound((c) => limitOf(c, "memory")) : 0,
  };
}
