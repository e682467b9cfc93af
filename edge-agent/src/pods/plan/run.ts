// SPDX-License-Identifier: Apache-2.0
import { SPEC_HASH_ANNOTATION } from "../identity/index.ts";
import {
  allContainers,
  type Container,
  isAlive,
  newestOf,
  type ObservedContainer,
  type ObservedSandbox,
  type Pod,
  readySandbox,
} from "../model/index.ts";
import { deadContainers, deadSandboxes } from "./dead.ts";
import { ephemeralStep } from "./ephemeral.ts";
import { initStep } from "./init.ts";
import { graceMs, mayRestart, restartPolicy, startOf, type Step } from "./rules.ts";
import { kills } from "./teardown.ts";
import type { Action, Plan, PlanInput } from "./types.ts";

/** Our own record of the spec differs. A container of another agent has none and stays as it is. */
export function specChanged(input: PlanInput, container: ObservedContainer): boolean {
  const made = container.annotations[SPEC_HASH_ANNOTATION];
  const wanted = input.specHashes[container.name];
  return made !== undefined && wanted !== undefined && made !== wanted;
}

function killReason(
  input: PlanInput,
  c: ObservedContainer,
): "SpecChanged" | "Unhealthy" | "Unknown" | undefined {
  if (c.phase === "unknown") return "Unknown";
  if (specChanged(input, c)) return "SpecChanged";
  return input.probes[c.name]?.live === false ? "Unhealthy" : undefined;
}

function mainStep(input: PlanInput, pod: Pod, sandbox: ObservedSandbox, container: Container): Step {
  const here = newestOf(input.observed, container.name, sandbox.id);
  if (here && isAlive(here)) {
    const reason = killReason(input, here);
    const soon = input.nowMs + graceMs(pod);
    return { actions: reason ? kills([here], input.stopping, soon, reason) : [] };
  }
  if (here?.phase === "created") {
    return { actions: [{ kind: "startCreated", id: here.id, name: here.name }] };
  }
  const last = here ?? newestOf(input.observed, container.name);
  if (last?.phase === "exited" && !mayRestart(restartPolicy(pod.spec), last.exitCode)) {
    return { actions: [] };
  }
  return startOf(input, sandbox, container);
}

/** Exits that no restart follows, whichever sandbox they happened in: the pod is over when all are. */
function finished(input: PlanInput, pod: Pod): readonly ObservedContainer[] | undefined {
  const last = pod.spec.containers.map((c) => newestOf(input.observed, c.name));
  const policy = restartPolicy(pod.spec);
  const over = last.filter((c) => c?.phase === "exited" && !mayRestart(policy, c.exitCode));
  return over.length === pod.spec.containers.length ? (over as ObservedContainer[]) : undefined;
}

/** Wanted, and not ended: bring it up and keep it up. */
export function planRun(input: PlanInput): Plan {
  const pod = input.pod;
  if (!pod) return { actions: [] };
  if (input.terminal) return windDown(input, pod);
  if (isOverdue(input, pod)) {
    const message = "Pod was active on the node longer than the specified deadline";
    return {
      actions: [{ kind: "markTerminal", end: { phase: "Failed", reason: "DeadlineExceeded", message } }],
    };
  }
  const over = finished(input, pod);
  if (over) return { actions: [{ kind: "markTerminal", end: { phase: endPhase(over) } }] };
  return bringUp(input, pod);
}

const endPhase = (over: readonly ObservedContainer[]): "Succeeded" | "Failed" =>
  over.every((c) => c.exitCode === 0) ? "Succeeded" : "Failed";

const deadlineOf = (pod: Pod): number | undefined =>
  typeof pod.spec.activeDeadlineSeconds === "number" ? pod.spec.activeDeadlineSeconds * 1000 : undefined;

function isOverdue(input: PlanInput, pod: Pod): boolean {
  const deadline = deadlineOf(pod);
  return deadline !== undefined && input.activeForMs >= deadline;
}

/** Ended by itself: stop what is left, give the volumes and the network back, keep the dead for their logs. */
function windDown(input: PlanInput, pod: Pod): Plan {
  const containers = input.observed?.containers ?? [];
  if (containers.some(isAlive)) {
    return { actions: kills(containers, input.stopping, input.nowMs + graceMs(pod), "DeadlineExceeded") };
  }
  const stops = (input.observed?.sandboxes ?? []).filter((s) => s.ready);
  return {
    actions: [
      ...stops.map((s): Action => ({ kind: "stopSandbox", id: s.id })),
      ...(input.volumesReady || stops.length > 0 ? [{ kind: "unmountVolumes" } as const] : []),
    ],
  };
}

function usable(input: PlanInput, pod: Pod): ObservedSandbox | undefined {
  const sandbox = readySandbox(input.observed);
  return sandbox && (pod.spec.hostNetwork === true || sandbox.ip !== "") ? sandbox : undefined;
}

function bringUp(input: PlanInput, pod: Pod): Plan {
  const sandbox = usable(input, pod);
  const strays = strayKills(input, pod, sandbox);
  if (strays.length > 0) return { actions: strays };
  const wait = input.waits[""];
  const isHeld = wait !== undefined && wait.untilMs > input.nowMs;
  if (isHeld && (!sandbox || !input.volumesReady)) return withTimer([], [wait.untilMs]);
  if (!input.volumesReady) return { actions: [{ kind: "mountVolumes" }] };
  if (!sandbox) return { actions: newSandbox(input) };
  return containersOf(input, pod, sandbox);
}

/** Containers outside the sandbox in use cannot be kept: their network and namespaces are gone. */
function strayKills(input: PlanInput, pod: Pod, sandbox: ObservedSandbox | undefined): Action[] {
  const known = new Set(allContainers(pod).map(({ container }) => container.name));
  const strays = (input.observed?.containers ?? []).filter(
    (c) => c.sandboxId !== sandbox?.id || !known.has(c.name),
  );
  const others = (input.observed?.sandboxes ?? []).filter((s) => s.ready && s.id !== sandbox?.id);
  return [
    ...kills(strays, input.stopping, input.nowMs + graceMs(pod), "SandboxGone"),
    ...(strays.some(isAlive) ? [] : others.map((s): Action => ({ kind: "stopSandbox", id: s.id }))),
  ];
}

function newSandbox(input: PlanInput): Action[] {
  const seen = Math.max(-1, ...(input.observed?.sandboxes ?? []).map((s) => s.attempt));
  return [{ kind: "createSandbox", attempt: Math.max(seen, input.sandboxAttempt) + 1 }];
}

function containersOf(input: PlanInput, pod: Pod, sandbox: ObservedSandbox): Plan {
  const init = initStep(input, pod, sandbox);
  // First, for what is looked into may be an init container that does not end.
  const looking = (pod.spec.ephemeralContainers ?? []).map((c) => ephemeralStep(input, pod, sandbox, c));
  const mains = init.initialized ? pod.spec.containers.map((c) => mainStep(input, pod, sandbox, c)) : [];
  const steps = [...looking, init, ...mains];
  const dead = [...deadContainers(input.observed), ...deadSandboxes(input.observed, sandbox)];
  const timers = steps.map((s) => s.againAtMs);
  const deadline = deadlineOf(pod);
  if (deadline !== undefined) timers.push(input.nowMs + deadline - input.activeForMs);
  return withTimer([...steps.flatMap((s) => s.actions), ...dead], timers);
}

function withTimer(actions: readonly Action[], timers: readonly (number | undefined)[]): Plan {
  const finite = timers.filter((t): t is number => t !== undefined && Number.isFinite(t));
  return finite.length === 0 ? { actions } : { actions, againAtMs: Math.min(...finite) };
}
