// SPDX-License-Identifier: Apache-2.0
import { graceMs, mayRestart, restartPolicy, startOf } from "./plan-rules.ts";
import { kills } from "./plan-teardown.ts";
import type { Action, PlanInput } from "./plan-types.ts";
import { newestOf, type ObservedContainer, type ObservedSandbox } from "./observed.ts";
import { isRestartableInit, type Container, type Pod } from "./pod.ts";

export interface InitStep {
  readonly initialized: boolean;
  readonly actions: readonly Action[];
  readonly againAtMs?: number;
}

const DONE = { initialized: true, actions: [] } as const;

/**
 * True once every init container has done its part in this sandbox. A main container that was ever
 * created in it proves the same after the runtime has removed the dead init ones.
 */
export function isInitialized(
  input: Pick<PlanInput, "observed" | "probes">,
  pod: Pod,
  sandboxId: string,
): boolean {
  if (pod.spec.containers.some((c) => newestOf(input.observed, c.name, sandboxId))) return true;
  return (pod.spec.initContainers ?? []).every((c) =>
    isPassed(input, c, newestOf(input.observed, c.name, sandboxId)),
  );
}

function isPassed(
  input: Pick<PlanInput, "probes">,
  spec: Container,
  c: ObservedContainer | undefined,
): boolean {
  if (!c) return false;
  if (!isRestartableInit(spec)) return c.phase === "exited" && c.exitCode === 0;
  return c.phase === "running" && (spec.startupProbe === undefined || input.probes[c.name]?.started === true);
}

/** What the init containers need next: one at a time, in order; sidecars are kept running beside the rest. */
export function initStep(input: PlanInput, pod: Pod, sandbox: ObservedSandbox): InitStep {
  const inits = pod.spec.initContainers ?? [];
  const initialized = isInitialized(input, pod, sandbox.id);
  if (initialized) {
    const sidecars = inits.filter(isRestartableInit).map((c) => one(input, pod, sandbox, c));
    return merge(sidecars, true);
  }
  const steps: InitStep[] = [];
  for (const container of inits) {
    const step = one(input, pod, sandbox, container);
    steps.push(step);
    if (!step.initialized) break;
  }
  return merge(steps, false);
}

function merge(steps: readonly InitStep[], initialized: boolean): InitStep {
  const timers = steps.map((s) => s.againAtMs).filter((t) => t !== undefined);
  return {
    initialized,
    actions: steps.flatMap((s) => s.actions),
    ...(timers.length > 0 && { againAtMs: Math.min(...timers) }),
  };
}

function one(input: PlanInput, pod: Pod, sandbox: ObservedSandbox, container: Container): InitStep {
  const c = newestOf(input.observed, container.name, sandbox.id);
  if (isPassed(input, container, c)) return DONE;
  if (c?.phase === "running") return { initialized: false, actions: [] };
  if (c?.phase === "unknown") {
    return { initialized: false, actions: kills([c], input.stopping, input.nowMs + graceMs(pod), "Unknown") };
  }
  if (c?.phase === "created") {
    return { initialized: false, actions: [{ kind: "startCreated", id: c.id, name: c.name }] };
  }
  if (c && !isRestartableInit(container) && !mayRestart(initPolicy(pod), c.exitCode)) {
    const message = `init container ${container.name} exited with ${c.exitCode}`;
    return {
      initialized: false,
      actions: [{ kind: "markTerminal", phase: "Failed", reason: "InitFailed", message }],
    };
  }
  const start = startOf(input, sandbox, container, true);
  return {
    initialized: false,
    actions: start.action ? [start.action] : [],
    ...(start.againAtMs !== undefined && { againAtMs: start.againAtMs }),
  };
}

/** An init container that failed is run again unless the pod may never restart. */
const initPolicy = (pod: Pod): string => (restartPolicy(pod.spec) === "Never" ? "Never" : "OnFailure");
