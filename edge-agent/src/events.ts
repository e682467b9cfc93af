// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { AgentLog } from "./log.ts";
import type { Uplink } from "./tunnel/port.ts";

/** What an event is about. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** of a part of it, as a kubelet names a container of a pod */
  readonly fieldPath?: string;
}

/** What happened. */
export interface EventFacts {
  readonly type: "Normal" | "Warning";
  /** a few words in CamelCase */
  readonly reason: string;
  /** a sentence; longer ones are cut */
  readonly message: string;
}

/** Tells people what happens to an object. */
export type EmitEvent = (subject: EventSubject, event: EventFacts) => void;

/** What sending events needs of the agent. */
export interface EventDeps {
  readonly uplink: Uplink;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly nodeName: string;
  /** the part of the agent that speaks, as in `kubectl get events` */
  readonly component: string;
  readonly enabled: boolean;
  /** at most this many a minute, default 60 */
  readonly maxAMinute?: number;
}

const MAX_MESSAGE_CHARS = 1000;
const MAX_A_MINUTE = 60;

function createMinuteLimit(clock: Clock, maxAMinute: number): () => boolean {
  let windowStartMs = -Infinity;
  let inWindow = 0;
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - windowStartMs >= 60_000) {
      windowStartMs = nowMs;
      inWindow = 0;
    }
    inWindow += 1;
    return inWindow <= maxAMinute;
  };
}

/** The time as Kubernetes writes it. */
const seconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");

/** Events towards the API; dropped when the node is offline, events are disabled, or there are too many. */
export function createEventSender(deps: EventDeps): EmitEvent {
  const { uplink, clock, log, nodeName, component, enabled, maxAMinute = MAX_A_MINUTE } = deps;
  const isAllowed = createMinuteLimit(clock, maxAMinute);
  return (subject, { type, reason, message }) => {
    if (!enabled || !uplink.isConnected() || !isAllowed()) return;
    const { namespace } = subject;
    const name = `${subject.name}.${randomBytes(8).toString("hex")}`;
    const at = seconds(clock.nowMs());
    const content = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace },
      involvedObject: subject,
      type,
      reason,
      message: message.slice(0, MAX_MESSAGE_CHARS),
      source: { component, host: nodeName },
      reportingComponent: component,
      reportingInstance: nodeName,
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    };
    try {
      uplink.send({ operation: "insert", resource: `${namespace}/event/${name}`, content });
    } catch (err) {
      log.debug({ err, reason }, "event not sent");
    }
  };
}
