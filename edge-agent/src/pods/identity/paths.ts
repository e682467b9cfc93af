// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";

/** Where the files of pods are on the node. */
export interface Paths {
  /** the kubelet's root directory; pods live in `<rootDir>/pods/<uid>` */
  readonly rootDir: string;
  /** `/var/log/pods` */
  readonly podLogsDir: string;
}

/** Everything of one pod but its logs. */
export const podDir = (paths: Paths, uid: string): string => join(paths.rootDir, "pods", uid);
/** Where the logs of a pod are: the name is the kubelet's. */
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

/** Where one run of a container leaves its last words. */
export const lastWordsPath = (
  paths: Paths,
  uid: string,
  run: { readonly name: string; readonly attempt: number },
): string => join(podDir(paths, uid), "containers", run.name, String(run.attempt));

/** Kinds of volumes that have a folder of their own. */
export type VolumePlugin = keyof typeof PLUGIN;

/** Where a volume of that kind is: the name is the kubelet's. */
export const volumeDir = (paths: Paths, uid: string, plugin: VolumePlugin, name: string): string =>
  join(podDir(paths, uid), "volumes", PLUGIN[plugin], name);
