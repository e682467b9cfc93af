// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { kubeletHash, specHash } from "./hashes.ts";
import { PodError } from "./errors.ts";
import { podNamespace, podUid, type Container, type Pod } from "./pod.ts";
import { DEFAULT_GRACE_SECONDS, SPEC_HASH_ANNOTATION } from "./plan-types.ts";

/** Labels and annotations by which any node agent finds its pods again. They are the kubelet's. */
export const LABEL = {
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
  podUid: "io.kubernetes.pod.uid",
  containerName: "io.kubernetes.container.name",
} as const;

export const ANNOTATION = {
  hash: "io.kubernetes.container.hash",
  restartCount: "io.kubernetes.container.restartCount",
  terminationMessagePath: "io.kubernetes.container.terminationMessagePath",
  terminationMessagePolicy: "io.kubernetes.container.terminationMessagePolicy",
  podGrace: "io.kubernetes.pod.terminationGracePeriod",
  preStop: "io.kubernetes.container.preStopHandler",
  ports: "io.kubernetes.container.ports",
} as const;

export const podLabels = (pod: Pod): Record<string, string> => ({
  [LABEL.podName]: pod.metadata.name,
  [LABEL.podNamespace]: podNamespace(pod),
  [LABEL.podUid]: podUid(pod),
});

export const containerLabels = (pod: Pod, container: Container): Record<string, string> => ({
  ...podLabels(pod),
  [LABEL.containerName]: container.name,
});

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

const SAFE = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?$/;

/** True for a name that can be one element of a path, and no other. */
export const isPathElement = (name: string): boolean => SAFE.test(name) && !name.includes("..");

/** Names that become paths and labels are checked once, before anything is made. @throws {PodError} INVALID */
export function checkPod(pod: Pod): void {
  const names = [podUid(pod), pod.metadata.name, podNamespace(pod)];
  const inner = [...(pod.spec.initContainers ?? []), ...pod.spec.containers, ...(pod.spec.volumes ?? [])];
  for (const name of [...names, ...inner.map((c) => c.name)]) {
    if (!isPathElement(name)) throw new PodError("INVALID", `"${name.slice(0, 80)}" is no valid name`);
  }
}

export interface Paths {
  /** the kubelet's root directory; pods live in `<rootDir>/pods/<uid>` */
  readonly rootDir: string;
  /** `/var/log/pods` */
  readonly podLogsDir: string;
}

export const podDir = (paths: Paths, uid: string): string => join(paths.rootDir, "pods", uid);
export const logDir = (paths: Paths, pod: { namespace: string; name: string; uid: string }): string =>
  join(paths.podLogsDir, `${pod.namespace}_${pod.name}_${pod.uid}`);
/** Relative to the sandbox's log directory, as CRI wants it. */
export const logPath = (container: string, attempt: number): string => join(container, `${attempt}.log`);

const PLUGIN = {
  configMap: "kubernetes.io~configmap",
  secret: "kubernetes.io~secret",
  projected: "kubernetes.io~projected",
  downwardAPI: "kubernetes.io~downward-api",
  emptyDir: "kubernetes.io~empty-dir",
} as const;

export type VolumePlugin = keyof typeof PLUGIN;

export const volumeDir = (paths: Paths, uid: string, plugin: VolumePlugin, name: string): string =>
  join(podDir(paths, uid), "volumes", PLUGIN[plugin], name);
