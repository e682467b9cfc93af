// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { AgentLog } from "../../log.ts";
import type { Uplink } from "../../tunnel/port.ts";
import {
  containerNamed,
  type ContainerRole,
  type Pod,
  podNamespace,
  podUid,
  rfc3339,
} from "../model/index.ts";

/** Tells people what happens to a pod. */
export interface PodEvents {
  emit(
    pod: Pod,
    event: { type: "Normal" | "Warning"; reason: string; message: string; container?: string },
  ): void;
}

const MAX_MESSAGE = 1000;
/** At most this many events a minute, over all pods. */
const MAX_A_MINUTE = 60;

const LIST: Readonly<Record<ContainerRole, string>> = {
  init: "initContainers",
  main: "containers",
  ephemeral: "ephemeralContainers",
};

/** As a kubelet names a container of a pod. */
const fieldPathOf = (pod: Pod, name: string): string =>
  `spec.${LIST[containerNamed(pod, name)?.role ?? "main"]}{${name}}`;

/** Events of pods towards the API; dropped when the node is offline, disabled or too chatty. */
export function createEvents(deps: {
  uplink: Uplink;
  clock: Clock;
  log: AgentLog;
  nodeName: string;
  enabled: boolean;
}): PodEvents {
  let windowStartMs = -Infinity;
  let inWindow = 0;
  const isAllowed = (): boolean => {
    const nowMs = deps.clock.monotonicMs();
    if (nowMs - windowStartMs >= 60_000) {
      windowStartMs = nowMs;
      inWindow = 0;
    }
    inWindow += 1;
    return inWindow <= MAX_A_MINUTE;
  };
  return {
    emit: (pod, event) => {
      if (!deps.enabled || !deps.uplink.isConnected() || !isAllowed()) return;
      const namespace = podNamespace(pod);
      const name = `${pod.metadata.name}.${randomBytes(8).toString("hex")}`;
      const at = rfc3339(deps.clock.nowMs());
      const content = {
        apiVersion: "v1",
        kind: "Event",
        metadata: { name, namespace },
        involvedObject: {
          apiVersion: "v1",
          kind: "Pod",
          name: pod.metadata.name,
          namespace,
          uid: podUid(pod),
          ...(event.container !== undefined && { fieldPath: fieldPathOf(pod, event.container) }),
        },
        type: event.type,
        reason: event.reason,
        message: event.message.slice(0, MAX_MESSAGE),
        source: { component: "edged", host: deps.nodeName },
        reportingComponent: "edged",
        reportingInstance: deps.nodeName,
        firstTimestamp: at,
        lastTimestamp: at,
        count: 1,
      };
      try {
        deps.uplink.send({ operation: "insert", resource: `${namespace}/event/${name}`, content });
      } catch (error) {
        deps.log.debug({ err: error, reason: event.reason }, "pod event not sent");
      }
    },
  };
}
