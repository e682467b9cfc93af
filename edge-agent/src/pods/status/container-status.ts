// SPDX-License-Identifier: Apache-2.0
import {
  type Container,
  type ContainerState,
  type ContainerStatus,
  isRestartableInit,
  newestOf,
  type ObservedContainer,
  rfc3339,
} from "../model/index.ts";
import type { ProbeResults } from "../plan/index.ts";
import type { Role, StatusContext } from "./context.ts";
import { backOff, waitState } from "./waiting.ts";

const seconds = rfc3339;
const containerId = (c: ObservedContainer): string => `containerd://${c.id}`;

function terminated(c: ObservedContainer): ContainerState {
  const unknown = c.phase === "unknown";
  const reason = c.reason !== "" ? c.reason : c.exitCode === 0 ? "Completed" : "Error";
  return {
    terminated: {
      exitCode: unknown ? 137 : c.exitCode,
      reason: unknown ? "ContainerStatusUnknown" : reason,
      ...(c.message !== "" && { message: c.message }),
      startedAt: seconds(c.startedAtMs),
      finishedAt: seconds(c.finishedAtMs),
      containerID: containerId(c),
    },
  };
}

/** A kubelet's words for a container of which nobody can say how it ended. */
const UNKNOWN_END: ContainerState = {
  terminated: {
    exitCode: 137,
    reason: "ContainerStatusUnknown",
    message: "The container could not be located when the pod was terminated",
    startedAt: null,
    finishedAt: null,
  },
};

interface States {
  readonly state: ContainerState;
  readonly lastState: ContainerState;
}

function states(context: StatusContext, spec: Container, role: Role, current: ObservedContainer): States {
  const earlier = context.observed?.containers.find(
    (c) => c.name === spec.name && c.id !== current.id && c.phase === "exited",
  );
  const lastState = earlier ? terminated(earlier) : {};
  if (current.phase === "running")
    return { state: { running: { startedAt: seconds(current.startedAtMs) } }, lastState };
  if (current.phase === "created")
    return { state: isOver(context) ? UNKNOWN_END : { waiting: { reason: "ContainerCreating" } }, lastState };
  const held = isOver(context) || role.kind === "ephemeral" ? undefined : backOff(context, spec);
  return held ? { state: held, lastState: terminated(current) } : { state: terminated(current), lastState };
}

const isStarted = (spec: Container, phase: string, probes: ProbeResults | undefined): boolean =>
  phase === "running" && (spec.startupProbe === undefined || probes?.started === true);

function isReady(context: StatusContext, spec: Container, role: Role, current: ObservedContainer): boolean {
  if (role.kind === "ephemeral") return false;
  if (role.kind === "init" && !isRestartableInit(spec))
    return current.phase === "exited" && current.exitCode === 0;
  if (context.terminal || context.ended) return false;
  if (!isStarted(spec, current.phase, context.probes[spec.name])) return false;
  return spec.readinessProbe === undefined || context.probes[spec.name]?.ready === true;
}

function mountsOf(spec: Container): Pick<ContainerStatus, "volumeMounts"> {
  const mounts = (spec.volumeMounts ?? []).map((m) => ({
    name: m.name,
    mountPath: m.mountPath,
    ...(m.readOnly === true && { readOnly: true, recursiveReadOnly: "Disabled" }),
  }));
  return mounts.length > 0 ? { volumeMounts: mounts } : {};
}

function absent(context: StatusContext, spec: Container, role: Role): ContainerStatus {
  const before = remembered(context, spec, role);
  const ended = isFinal(context, spec, role) ? lastEnd(before, role) : undefined;
  if (before && ended)
    return { ...before, state: ended, ready: before.ready && role.kind === "init", ...started(role, false) };
  return {
    name: spec.name,
    state: ended ?? waitState(context, spec, role),
    lastState: before ? earlierEnd(before) : {},
    ready: false,
    ...started(role, false),
    restartCount: Math.max(0, context.attempts[spec.name] ?? 0),
    image: spec.image,
    imageID: "",
    ...mountsOf(spec),
  };
}

const earlierEnd = ({ state, lastState }: ContainerStatus): ContainerState =>
  state.terminated ? { terminated: state.terminated } : lastState;

/** A kubelet tells it of those alone that can make a pod ready. */
const started = (role: Role, value: boolean): Pick<ContainerStatus, "started"> =>
  role.kind === "ephemeral" ? {} : { started: value };

/** What is not there does not come again: the pod is over, or it had its only start. */
const isFinal = (context: StatusContext, spec: Container, role: Role): boolean =>
  role.kind === "ephemeral" ? context.attempts[spec.name] !== undefined : isOver(context);

/** How a container that does not come again ended, as far as anyone knows. Undefined: its turn never came. */
function lastEnd(before: ContainerStatus | undefined, role: Role): ContainerState | undefined {
  if (before?.state.terminated) return before.state;
  if (before?.state.waiting && before.lastState.terminated) return before.lastState;
  return role.initialized || role.kind === "ephemeral" ? UNKNOWN_END : undefined;
}

const LIST = {
  init: "initContainerStatuses",
  main: "containerStatuses",
  ephemeral: "ephemeralContainerStatuses",
} as const;

const isOver = (context: StatusContext): boolean => context.terminal !== undefined || context.ended;

function remembered({ previous }: StatusContext, spec: Container, role: Role): ContainerStatus | undefined {
  return previous?.[LIST[role.kind]]?.find((s) => s.name === spec.name);
}

/** Status of one container by its newest attempt. */
export function containerStatus(context: StatusContext, spec: Container, role: Role): ContainerStatus {
  const current = newestOf(context.observed, spec.name);
  if (!current) return absent(context, spec, role);
  return {
    name: spec.name,
    ...states(context, spec, role, current),
    ready: isReady(context, spec, role, current),
    ...started(role, isStarted(spec, current.phase, context.probes[spec.name])),
    restartCount: current.attempt,
    image: current.image === "" ? spec.image : current.image,
    imageID: current.imageRef,
    containerID: containerId(current),
    ...mountsOf(spec),
  };
}
