// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "@longshore/crds/stream";
import { allContainers, type ContainerState, type KnownPod } from "../pods/index.ts";
import type { ContainerTarget } from "./port.ts";

/**
 * Why there is no run of a container to look at, in a kubelet's words. Pure.
 *
 * @param known the pod as this node knows it; undefined when it does not
 */
export function whyNoRun(target: ContainerTarget, known: KnownPod | undefined): StreamError {
  if (known === undefined) return noSuchPod(target);
  const { container, pod } = target;
  const isDeclared = allContainers(known.pod).some((c) => c.container.name === container);
  if (!isDeclared) return new StreamError("NOT_FOUND", `container ${container} not found in pod ${pod}`);
  return new StreamError(
    "BAD_REQUEST",
    `container "${container}" in pod "${pod}" ${wordsFor(stateOf(known, container))}`,
  );
}

/** The pod is not on this node, or is another one of the same name. */
export const noSuchPod = ({ namespace, pod }: Pick<ContainerTarget, "namespace" | "pod">): StreamError =>
  new StreamError("NOT_FOUND", `pod "${namespace}/${pod}" does not exist on this node`);

/** A kubelet's words for what people meet most. */
const WAITS: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: "trying and failing to pull image",
};

/** True when the node shows a container as waiting: what ran last is dead, and is to be started again. */
export const isWaiting = (known: KnownPod | undefined, container: string): boolean =>
  known !== undefined && stateOf(known, container)?.waiting !== undefined;

function stateOf({ status }: KnownPod, container: string): ContainerState | undefined {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status;
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  return all.find(({ name }) => name === container)?.state;
}

function wordsFor(state: ContainerState | undefined): string {
  if (state?.terminated) return "is terminated";
  const reason = state?.waiting?.reason ?? "ContainerCreating";
  return `is waiting to start: ${WAITS[reason] ?? reason}`;
}
