// SPDX-License-Identifier: Apache-2.0
import { allContainers, type Pod, PodError, podNamespace, podUid } from "../model/index.ts";

const SAFE = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?$/;

/** True for a name that can be one element of a path, and no other. */
export const isPathElement = (name: string): boolean => SAFE.test(name) && !name.includes("..");

/** Names that become paths and labels are checked once, before anything is made. @throws {PodError} INVALID */
export function checkPod(pod: Pod): void {
  const names = [podUid(pod), pod.metadata.name, podNamespace(pod)];
  const containers = allContainers(pod).map(({ container }) => container.name);
  const volumes = (pod.spec.volumes ?? []).map((volume) => volume.name);
  for (const name of [...names, ...containers, ...volumes]) {
    if (!isPathElement(name)) throw new PodError("INVALID", `"${name.slice(0, 80)}" is no valid name`);
  }
}
