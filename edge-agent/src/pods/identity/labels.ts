// SPDX-License-Identifier: Apache-2.0
import { type Container, DEFAULT_GRACE_SECONDS, type Pod, podNamespace, podUid } from "../model/index.ts";
import { kubeletHash, specHash } from "./hashes.ts";

/** Labels and annotations by which any node agent finds its pods again. They are the kubelet's. */
export const LABEL = {
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
  podUid: "io.kubernetes.pod.uid",
  containerName: "io.kubernetes.container.name",
} as const;

/** What a kubelet notes at a container to find it again after a restart. */
export const ANNOTATION = {
  hash: "io.kubernetes.container.hash",
  restartCount: "io.kubernetes.container.restartCount",
  terminationMessagePath: "io.kubernetes.container.terminationMessagePath",
  terminationMessagePolicy: "io.kubernetes.container.terminationMessagePolicy",
  podGrace: "io.kubernetes.pod.terminationGracePeriod",
  preStop: "io.kubernetes.container.preStopHandler",
  ports: "io.kubernetes.container.ports",
} as const;

/** Annotation that a runtime keeps for us: hash of the container's spec as this agent made it. */
export const SPEC_HASH_ANNOTATION = "longshore.io/container-spec-hash";

/** Labels of a sandbox. */
export const podLabels = (pod: Pod): Record<string, string> => ({
  [LABEL.podName]: pod.metadata.name,
  [LABEL.podNamespace]: podNamespace(pod),
  [LABEL.podUid]: podUid(pod),
});

/** Labels of a container. */
export const containerLabels = (pod: Pod, container: Container): Record<string, string> => ({
  ...podLabels(pod),
  [LABEL.containerName]: container.name,
});

/** Annotations of one run of a container. */
export function containerAnnotations(
  pod: Pod,
  container: Container,
  attempt: number,
): Record<string, string> {
  const preStop = container.lifecycle?.preStop;
  return {
    [ANNOTATION.hash]: kubeletHash(container),
    [ANNOTATION.restartCount]: String(attempt),
    [ANNOTATION.terminationMessagePath]: container.terminationMessagePath ?? "/dev/termination-log",
    [ANNOTATION.terminationMessagePolicy]: container.terminationMessagePolicy ?? "File",
    [ANNOTATION.podGrace]: String(pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS),
    ...(container.ports && { [ANNOTATION.ports]: JSON.stringify(container.ports) }),
    ...(preStop && { [ANNOTATION.preStop]: JSON.stringify(preStop) }),
    [SPEC_HASH_ANNOTATION]: specHash(container),
  };
}
