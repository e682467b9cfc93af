// SPDX-License-Identifier: Apache-2.0
import { createEventSender, type EventDeps } from "../../events.ts";
import { containerNamed, type ContainerRole, type Pod, podNamespace, podUid } from "../model/index.ts";

/** Tells people what happens to a pod. */
export interface PodEvents {
  emit(
    pod: Pod,
    event: { type: "Normal" | "Warning"; reason: string; message: string; container?: string },
  ): void;
}

const LIST: Readonly<Record<ContainerRole, string>> = {
  init: "initContainers",
  main: "containers",
  ephemeral: "ephemeralContainers",
};

/** As a kubelet names a container of a pod. */
const fieldPathOf = (pod: Pod, name: string): string =>
  `spec.${LIST[containerNamed(pod, name)?.role ?? "main"]}{${name}}`;

/** Events of pods towards the API, as a kubelet sends them. */
export function createEvents(deps: Omit<EventDeps, "component">): PodEvents {
  const send = createEventSender({ ...deps, component: "edged" });
  return {
    emit: (pod, { container, ...event }) =>
      send(
        {
          apiVersion: "v1",
          kind: "Pod",
          name: pod.metadata.name,
          namespace: podNamespace(pod),
          uid: podUid(pod),
          ...(container !== undefined && { fieldPath: fieldPathOf(pod, container) }),
        },
        event,
      ),
  };
}
