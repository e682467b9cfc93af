// SPDX-License-Identifier: Apache-2.0
import { type Container, type ContainerState, podNamespace, podUid } from "../model/index.ts";
import type { Wait } from "../plan/index.ts";
import type { Role, StatusContext } from "./context.ts";

const waiting = ({ reason, message }: Wait): ContainerState => ({ waiting: { reason, message } });

/**
 * What a container waits for that was not made yet: its own reason, else a kubelet's word for "not its turn yet", with
 * what holds the pod as a whole as the message.
 */
export function waitState(context: StatusContext, spec: Container, role: Role): ContainerState {
  const own = context.waits[spec.name];
  if (own) return waiting(own);
  const hasInits = (context.pod.spec.initContainers ?? []).length > 0;
  const isAfterInits = role.kind === "main" && hasInits && !role.initialized;
  const reason = role.kind === "init" || isAfterInits ? "PodInitializing" : "ContainerCreating";
  const whole = context.waits[""];
  return { waiting: { reason, ...(whole && { message: `${whole.reason}: ${whole.message}` }) } };
}

/**
 * What a dead container waits for before it runs again. A fresh failure is shown before the back-off that
 * follows it, and an old one until something newer is known, as a kubelet does. Undefined: nothing holds it.
 */
export function backOff(context: StatusContext, spec: Container): ContainerState | undefined {
  const wait = context.waits[spec.name];
  if (wait && wait.untilMs > context.nowMs) return waiting(wait);
  if ((context.restartAtMs[spec.name] ?? 0) > context.nowMs) return crashLoop(context, spec);
  return wait && waiting(wait);
}

function crashLoop({ pod, restartDelayMs }: StatusContext, spec: Container): ContainerState {
  const whole = duration(restartDelayMs[spec.name] ?? 0);
  const name = `${pod.metadata.name}_${podNamespace(pod)}(${podUid(pod)})`;
  const message = `back-off ${whole} restarting failed container=${spec.name} pod=${name}`;
  return { waiting: { reason: "CrashLoopBackOff", message } };
}

/** Whole seconds as Go prints a duration: `20s`, `1m20s`, `5m0s`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`;
}
