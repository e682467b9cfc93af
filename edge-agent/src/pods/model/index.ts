// SPDX-License-Identifier: Apache-2.0
export { messageOf, PodError, type PodErrorCode } from "./errors.ts";
export { sortedJson } from "./json.ts";
export type { Allocatable } from "./node.ts";
export {
  byNewest,
  type ContainerPhase,
  isAlive,
  newestOf,
  type ObservedContainer,
  type ObservedPod,
  type ObservedSandbox,
  readySandbox,
} from "./observed.ts";
export {
  type Container,
  type ContainerPort,
  type EphemeralContainer,
  type EnvFrom,
  type EnvVar,
  type FieldRef,
  type HttpGetAction,
  isRestartableInit,
  type KeySelector,
  type Probe,
  type ProbeHandler,
  type ResourceFieldRef,
  type ResourceList,
  type SecurityContext,
  type VolumeMount,
} from "./container.ts";
export type { DataObject, DataObjects } from "./data.ts";
export {
  type ContainerState,
  type ContainerStatus,
  isTerminalPhase,
  type PodCondition,
  type PodPhase,
  type PodStatus,
} from "./pod-status.ts";
export {
  allContainers,
  containerNamed,
  type ContainerRole,
  DEFAULT_GRACE_SECONDS,
  type Pod,
  type PodContainer,
  podNamespace,
  type PodSpec,
  podUid,
} from "./pod.ts";
export type { DownwardItem, KeyToPath, ProjectedSource, TokenProjection, Volume } from "./volume.ts";
export { rfc3339 } from "./time.ts";
