// SPDX-License-Identifier: Apache-2.0
import {
  type ContainerStatus,
  isRestartableInit,
  type Pod,
  type PodCondition,
  type PodPhase,
  readySandbox,
} from "../model/index.ts";
import type { StatusContext } from "./context.ts";

/** Condition types that the node owns. No other type is ever sent. */
export const NODE_CONDITIONS = [
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodScheduled",
] as const;

type Verdict = Pick<PodCondition, "status" | "reason" | "message">;

interface Facts {
  readonly phase: PodPhase;
  readonly initialized: boolean;
  readonly inits: readonly ContainerStatus[];
  readonly mains: readonly ContainerStatus[];
}

const YES: Verdict = { status: "True" };

function canStart(context: StatusContext): Verdict {
  const sandbox = readySandbox(context.observed);
  const hasNetwork = context.pod.spec.hostNetwork === true || (sandbox?.ip ?? "") !== "";
  return { status: sandbox && hasNetwork && !context.ended ? "True" : "False" };
}

function initialized(facts: Facts): Verdict {
  if (facts.initialized) return YES;
  if (facts.phase === "Succeeded") return { status: "True", reason: "PodCompleted" };
  const names = facts.inits.filter((s) => !s.ready).map((s) => s.name);
  const message = `containers with incomplete status: [${names.join(" ")}]`;
  return { status: "False", reason: "ContainersNotInitialized", message };
}

function containersReady(pod: Pod, facts: Facts): Verdict {
  if (facts.phase === "Succeeded") return { status: "False", reason: "PodCompleted" };
  if (facts.phase === "Failed") return { status: "False", reason: "PodFailed" };
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(isRestartableInit).map((c) => c.name));
  const unready = [...facts.inits.filter((s) => sidecars.has(s.name)), ...facts.mains].filter(
    (s) => !s.ready,
  );
  if (unready.length === 0) return YES;
  const message = `containers with unready status: [${unready.map((s) => s.name).join(" ")}]`;
  return { status: "False", reason: "ContainersNotReady", message };
}

function podReady(pod: Pod, containers: Verdict): Verdict {
  if (containers.status !== "True") return containers;
  const missing = (pod.spec.readinessGates ?? []).filter(
    ({ conditionType }) => pod.status?.conditions?.find((c) => c.type === conditionType)?.status !== "True",
  );
  if (missing.length === 0) return YES;
  const message = missing
    .map(
      ({ conditionType }) =>
        `corresponding condition of pod readiness gate "${conditionType}" does not exist.`,
    )
    .join(", ");
  return { status: "False", reason: "ReadinessGatesNotReady", message };
}

/** The node's conditions in the order in which a kubelet sends them. A time moves only with its status. */
export function podConditions(context: StatusContext, facts: Facts): PodCondition[] {
  const containers = containersReady(context.pod, facts);
  const verdicts: Record<(typeof NODE_CONDITIONS)[number], Verdict> = {
    PodReadyToStartContainers: canStart(context),
    Initialized: initialized(facts),
    Ready: podReady(context.pod, containers),
    ContainersReady: containers,
    PodScheduled: YES,
  };
  return NODE_CONDITIONS.map((type) => stamped(context, type, verdicts[type]));
}

function stamped(context: StatusContext, type: string, verdict: Verdict): PodCondition {
  const known = [context.previous?.conditions, context.pod.status?.conditions]
    .map((list) => list?.find((c) => c.type === type))
    .find((c) => c !== undefined);
  const since = known?.status === verdict.status ? (known.lastTransitionTime ?? context.now) : context.now;
  return { type, ...verdict, lastProbeTime: null, lastTransitionTime: since };
}
