// SPDX-License-Identifier: Apache-2.0
import type { ObservedPod, ObservedSandbox } from "../model/index.ts";
import type { Action } from "./types.ts";

/** Of each name the newest dead container stays: its logs and its last state are asked for. */
export function deadContainers(observed: ObservedPod | undefined): Action[] {
  const kept = new Set<string>();
  const actions: Action[] = [];
  for (const c of observed?.containers ?? []) {
    if (c.phase !== "exited") continue;
    if (kept.has(c.name)) actions.push({ kind: "removeContainer", id: c.id });
    kept.add(c.name);
  }
  return actions;
}

/** A sandbox that is neither in use nor holds a container anyone may still ask about. */
export function deadSandboxes(observed: ObservedPod | undefined, inUse: ObservedSandbox): Action[] {
  const holding = new Set((observed?.containers ?? []).map((c) => c.sandboxId));
  return (observed?.sandboxes ?? [])
    .filter((s) => s.id !== inUse.id && !s.ready && !holding.has(s.id))
    .map((s) => ({ kind: "removeSandbox", id: s.id }));
}
