// SPDX-License-Identifier: Apache-2.0
import { formatKey } from "@longshore/crds/wire";
import type { DesiredStore } from "../store/port.ts";
import { type Pod, type PodStatus, podUid } from "./model/index.ts";

/** A pod that this node shall run, with its newest status here; before there is one, that of the API. */
export interface KnownPod {
  readonly pod: Pod;
  readonly status: Partial<PodStatus>;
}

/** The pods of this node, for those who are asked about them. */
export interface KnownPods {
  list(): readonly KnownPod[];
  get(namespace: string, name: string): KnownPod | undefined;
}

/** @param statusOf the engine's status of a pod, by uid */
export function createKnownPods(
  store: Pick<DesiredStore, "get" | "list">,
  statusOf: (uid: string) => PodStatus | undefined,
): KnownPods {
  const known = ({ value }: { readonly value: unknown }): KnownPod => {
    const pod = value as Pod;
    return { pod, status: { ...pod.status, ...statusOf(podUid(pod)) } };
  };
  return {
    list: () => store.list("pod").map(known),
    get: (namespace, name) => {
      const object = store.get(formatKey({ kind: "pod", namespace, name }));
      return object && known(object);
    },
  };
}
