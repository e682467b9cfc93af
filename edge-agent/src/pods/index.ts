// SPDX-License-Identifier: Apache-2.0
/*
 * The pod engine, from what happens to what it stands on:
 *   engine.ts   who is looked after, and which loops run        worker/     one pod: observe, plan, act, remember
 *   plan/       pure: what to do next (start at plan.ts)        status/     pure: what to report; and its delivery
 *   runtime/    what the container runtime shows                probes/     is a container well, and hooks
 *   container/  what one container is made of                   sandbox/    what all containers of a pod share
 *   images/     pull, back off, clean up                        volumes/    files and mounts of a pod
 *   values/     environment and fields                          resources/  limits, QoS, cgroups, quantities
 *   cloud/      objects, tokens and events over the uplink      identity/   names, labels, paths, hashes
 *   model/      the words: Pod, what is observed, errors
 * Imports only go down this list of floors: engine, worker, the middle, model.
 */
export { createPodEngine } from "./engine.ts";
export { LABEL } from "./identity/index.ts";
export { createKnownPods, type KnownPod, type KnownPods } from "./known.ts";
export {
  allContainers,
  type ContainerState,
  type Pod,
  PodError,
  type PodErrorCode,
  type PodStatus,
} from "./model/index.ts";
export type { PodEngine, PodEngineDeps, PodEngineOptions } from "./port.ts";
