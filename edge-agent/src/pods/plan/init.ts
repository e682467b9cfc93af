// SPDX-License-Identifier: Apache-2.0
import {
  type Container,
  isRestartableInit,
  newestOf,
  type ObservedContainer,
  type ObservedSandbox,
  type Pod,
} from "../model/index.ts";
import { graceMs, mayRestart, restartPolicy, startOf, type Step } from "./rules.ts";
import { kills } from "./teardown.ts";
import type { Action, PlanInput } from "./types.ts";

/** What the init containers need, and whether the others may start. */
export interface InitStep extends Step {
  readonly initialized: boolean;
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

const stay = (actions: readonly Action[] = []): InitStep => ({ initialized: false, actions });

function one(input: PlanInput, pod: Pod, sandbox: ObservedSandbox, container: Container): InitStep {
  const c = newestOf(input.observed, container.name, sandbox.id);
  if (isPassed(input, container, c)) return DONE;
  switch (c?.phase) {
    case "running":
      return stay();
    case "unknown":
      return stay(kills([c], input.stopping, input.nowMs + graceMs(pod), "Unknown"));
    case "created":
      return stay([{ kind: "startCreated", id: c.id, name: c.name }]);
    case "exited":
      return afterExit(input, pod, sandbox, { container, exitCode: c.exitCode });
    case undefined:
      return begin(input, sandbox, container);
  }
}

function afterExit(
  input: PlanInput,
  pod: Pod,
  sandbox: ObservedSandbox,
  over: { container: Container; exitCode: number },
): InitStep {
  const { container, exitCode } = over;
  if (isRestartableInit(container) || mayRestart(initPolicy(pod), exitCode))
    return begin(input, sandbox, container);
  return stay([{ kind: "markTerminal", end: { phase: "Failed" } }]);
}

function begin(input: PlanInput, sandbox: ObservedSandbox, container: Container): InitStep {
  return { initialized: false, ...startOf(input, sandbox, container) };
}

/** An init container that failed is run again unless the pod may never restart. */
const initPolicy = (pod: Pod): string => (restartPolicy(pod.spec) === "Never" ? "Never" : "OnFailure");
