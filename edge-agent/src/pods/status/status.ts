// SPDX-License-Identifier: Apache-2.0
import {
  type Container,
  type ContainerRole,
  type ContainerStatus,
  isTerminalPhase,
  type PodPhase,
  type PodStatus,
  readySandbox,
} from "../model/index.ts";
import { isInitialized, restartPolicy } from "../plan/index.ts";
import { qosClass } from "../resources/index.ts";
import { podConditions } from "./conditions.ts";
import { containerStatus } from "./container-status.ts";
import type { StatusContext } from "./context.ts";

interface Tally {
  readonly waiting: number;
  readonly running: number;
  readonly stopped: number;
  readonly succeeded: number;
}

function tally(statuses: readonly ContainerStatus[]): Tally {
  const ended = statuses.map((s) => s.state.terminated ?? (s.state.waiting && s.lastState.terminated));
  return {
    running: statuses.filter((s) => s.state.running).length,
    stopped: ended.filter(Boolean).length,
    succeeded: ended.filter((t) => t?.exitCode === 0).length,
    waiting: statuses.filter((s) => s.state.waiting && !s.lastState.terminated).length,
  };
}

/** Phase of a pod that nothing has ended for good. */
export function livePhase(
  policy: string,
  initialized: boolean,
  statuses: readonly ContainerStatus[],
): PodPhase {
  const t = tally(statuses);
  if (!initialized || t.waiting > 0) return "Pending";
  if (t.running > 0) return "Running";
  if (t.stopped === 0) return "Pending";
  if (policy === "Always") return "Running";
  if (t.stopped === t.succeeded) return "Succeeded";
  return policy === "Never" ? "Failed" : "Running";
}

function endedPhase(statuses: readonly ContainerStatus[]): PodPhase {
  const t = tally(statuses);
  return t.stopped > 0 && t.stopped === statuses.length && t.succeeded === t.stopped ? "Succeeded" : "Failed";
}

function phaseOf(c: StatusContext, initialized: boolean, statuses: readonly ContainerStatus[]): PodPhase {
  if (c.terminal) return c.terminal.phase;
  if (isTerminalPhase(c.previous?.phase)) return c.previous.phase;
  if (c.ended) return endedPhase(statuses);
  return livePhase(restartPolicy(c.pod.spec), initialized, statuses);
}

/**
 * What the node reports of one pod. Pure: runtime, waits and probes in, the API's PodStatus out.
 * `previous` gives transition times, and the states of containers that the runtime has forgotten.
 */
export function podStatus(context: StatusContext): PodStatus {
  const { pod } = context;
  const initialized = isPastInit(context);
  const statuses = (kind: ContainerRole, specs: readonly Container[] = []): ContainerStatus[] =>
    specs.map((spec) => containerStatus(context, spec, { kind, initialized }));
  const inits = statuses("init", pod.spec.initContainers);
  const mains = statuses("main", pod.spec.containers);
  // They count for nothing else: a pod is no readier, nor longer alive, for someone who looks into it.
  const ephemerals = statuses("ephemeral", pod.spec.ephemeralContainers);
  const phase = phaseOf(context, initialized, mains);
  return {
    phase,
    ...endReason(context),
    conditions: podConditions(context, { phase, initialized, inits, mains }),
    ...addresses(context),
    startTime: context.startTime,
    qosClass: context.previous?.qosClass ?? pod.status?.qosClass ?? qosClass(pod),
    ...(inits.length > 0 && { initContainerStatuses: inits }),
    containerStatuses: mains,
    ...(ephemerals.length > 0 && { ephemeralContainerStatuses: ephemerals }),
  };
}

function isPastInit(context: StatusContext): boolean {
  const sandbox = readySandbox(context.observed) ?? context.observed?.sandboxes[0];
  if (sandbox) return isInitialized(context, context.pod, sandbox.id);
  const noInits = (context.pod.spec.initContainers ?? []).length === 0;
  return noInits || wasInitialized(context);
}

const wasInitialized = (context: StatusContext): boolean =>
  context.previous?.conditions.some((c) => c.type === "Initialized" && c.status === "True") ?? false;

function endReason({ terminal }: StatusContext): { reason?: string; message?: string } {
  return {
    ...(terminal?.reason !== undefined && { reason: terminal.reason }),
    ...(terminal?.message !== undefined && { message: terminal.message }),
  };
}

function addresses(context: StatusContext): Pick<PodStatus, "hostIP" | "hostIPs" | "podIP" | "podIPs"> {
  const ips = podIps(context);
  return {
    hostIP: context.nodeIp,
    hostIPs: [{ ip: context.nodeIp }],
    ...(ips[0] !== undefined && { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
  };
}

function podIps({ pod, observed, nodeIp, previous }: StatusContext): readonly string[] {
  if (pod.spec.hostNetwork === true) return [nodeIp];
  const sandbox = readySandbox(observed);
  if (sandbox && sandbox.ip !== "") return [sandbox.ip, ...sandbox.additionalIps];
  return (previous?.podIPs ?? []).map(({ ip }) => ip);
}
