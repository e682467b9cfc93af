// SPDX-License-Identifier: Apache-2.0
import { type Container, newestOf, type ObservedSandbox, type Pod } from "../model/index.ts";
import { graceMs, startOf, type Step } from "./rules.ts";
import { kills } from "./teardown.ts";
import type { PlanInput } from "./types.ts";

const NOTHING: Step = { actions: [] };

/**
 * What an ephemeral container needs: one start as soon as there is a sandbox, and nothing ever after, in whichever
 * sandbox it ran. What was not started yet is made with the same attempt each time, so the runtime itself refuses a second.
 */
export function ephemeralStep(
  input: PlanInput,
  pod: Pod,
  sandbox: ObservedSandbox,
  container: Container,
): Step {
  const c = newestOf(input.observed, container.name);
  switch (c?.phase) {
    case undefined:
      return input.attempts[container.name] === undefined ? startOf(input, sandbox, container) : NOTHING;
    case "created":
      if (c.sandboxId !== sandbox.id) return { actions: [{ kind: "removeContainer", id: c.id }] };
      return { actions: [{ kind: "startCreated", id: c.id, name: c.name }] };
    case "unknown":
      return { actions: kills([c], input.stopping, input.nowMs + graceMs(pod), "Unknown") };
    case "running":
    case "exited":
      return NOTHING;
  }
}
