// SPDX-License-Identifier: Apache-2.0
import {
  type Container,
  DEFAULT_GRACE_SECONDS,
  newestOf,
  type ObservedSandbox,
  type Pod,
  type PodSpec,
} from "../model/index.ts";
import type { Action, PlanInput } from "./types.ts";

/** The pod's policy; Always when it names none. */
export const restartPolicy = (spec: PodSpec): string => spec.restartPolicy ?? "Always";

/** May this exit be followed by another run? */
export function mayRestart(policy: string, exitCode: number): boolean {
  if (policy === "Always") return true;
  return policy === "OnFailure" && exitCode !== 0;
}

/** How long a container may take to end when the pod's own grace holds. */
export const graceMs = (pod: Pod): number =>
  (pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS) * 1000;

/** The attempt that a new run of this container gets: one more than any ever seen. */
export function nextAttempt(input: PlanInput, name: string): number {
  const seen = newestOf(input.observed, name)?.attempt ?? -1;
  return Math.max(seen, input.attempts[name] ?? -1) + 1;
}

/** What one container needs next. */
export interface Step {
  readonly actions: readonly Action[];
  /** monotonic ms at which to look again */
  readonly againAtMs?: number;
}

/** Start of one container unless its back-off or something that it waits for holds it. */
export function startOf(input: PlanInput, sandbox: ObservedSandbox, container: Container): Step {
  const holds = [input.restartAtMs[container.name] ?? 0, input.waits[container.name]?.untilMs ?? 0];
  const ahead = holds.filter((untilMs) => untilMs > input.nowMs);
  // At the end of each there is something else to show.
  if (ahead.length > 0) return { actions: [], againAtMs: Math.min(...ahead) };
  const attempt = nextAttempt(input, container.name);
  const { name } = container;
  return { actions: [{ kind: "startContainer", name, attempt, sandboxId: sandbox.id }] };
}
