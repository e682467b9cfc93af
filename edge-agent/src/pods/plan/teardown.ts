// SPDX-License-Identifier: Apache-2.0
import { isAlive, isRestartableInit, type ObservedContainer } from "../model/index.ts";
import type { Action, KillReason, Plan, PlanInput } from "./types.ts";

/** Kill what lives and is not already being stopped at least as soon. */
export function kills(
  containers: readonly ObservedContainer[],
  stopping: Readonly<Record<string, number>>,
  deadlineMs: number,
  reason: KillReason,
): Action[] {
  return containers
    .filter((c) => isAlive(c) && deadlineMs < (stopping[c.id] ?? Infinity))
    .map((c) => ({ kind: "killContainer", id: c.id, name: c.name, deadlineMs, reason }));
}

/** Sidecars outlive the containers that they serve. */
function nextToKill(input: PlanInput, alive: readonly ObservedContainer[]): readonly ObservedContainer[] {
  const sidecars = new Set(
    (input.pod?.spec.initContainers ?? []).filter(isRestartableInit).map((c) => c.name),
  );
  const served = alive.filter((c) => !sidecars.has(c.name));
  return served.length > 0 && input.nowMs < input.deadlineMs ? served : alive;
}

/**
 * Ends a pod: kill, keep the final status, stop the sandbox, unmount, remove, and (when the API object
 * still stands) delete it there. Each step is visible in what is observed, so it resumes anywhere.
 */
export function planTeardown(input: PlanInput): Plan {
  const containers = input.observed?.containers ?? [];
  const alive = containers.filter(isAlive);
  if (alive.length > 0) {
    return { actions: kills(nextToKill(input, alive), input.stopping, input.deadlineMs, "Deleted") };
  }
  if (!input.cleaned) return { actions: cleanUp(input) };
  return { actions: [{ kind: input.want === "delete" ? "deleteFromApi" : "forget" }] };
}

function cleanUp(input: PlanInput): Action[] {
  const sandboxes = input.observed?.sandboxes ?? [];
  return [
    { kind: "recordFinal" },
    ...sandboxes.map((s): Action => ({ kind: "stopSandbox", id: s.id })),
    { kind: "unmountVolumes" },
    ...sandboxes.map((s): Action => ({ kind: "removeSandbox", id: s.id })),
    { kind: "cleanUp" },
  ];
}
