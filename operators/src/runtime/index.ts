// SPDX-License-Identifier: Apache-2.0
export type {
  ApplyOptions,
  CallOptions,
  Client,
  DeleteCollectionOptions,
  DeleteOptions,
  GetOptions,
  KubeObject,
  ListOptions,
  ListResult,
  ObjectMeta,
  ObjectName,
  OwnerReference,
  PatchOptions,
  PatchType,
  Resource,
  WriteOptions,
} from "./client.ts";
export {
  ApiError,
  TerminalError,
  isAlreadyExists,
  isConflict,
  isExpired,
  isInvalid,
  isNotFound,
  type ApiStatus,
} from "./errors.ts";
export { createClient, type ClientDeps, type KubeClient } from "./api/create-client.ts";
export { clusterCaOf, loadKubeConfig } from "./api/kube-config.ts";
export { apiVersionOf } from "./api/resource-path.ts";
export type { WatchEvent, WatchOptions, Watcher } from "./api/watch.ts";
export { pause, systemClock, type Clock } from "./clock.ts";
export { silentLog, type Log } from "./log.ts";
export type { Cache, InformerOptions } from "./cache/cache.ts";
export type { Informer } from "./cache/informer.ts";
export type { ReflectorTuning } from "./cache/reflector.ts";
export { storeKey, type IndexFn, type Reader } from "./cache/store.ts";
export {
  newController,
  type Builder,
  type ControllerSettings,
  type WatchSettings,
} from "./controller/builder.ts";
export type { Controller } from "./controller/controller.ts";
export type { Enqueue, EventHandler, ObjectEvent, Predicate } from "./controller/event.ts";
export { enqueueMapped, enqueueOwner, enqueueSelf } from "./controller/handler.ts";
export {
  allOf,
  annotationsChanged,
  anyOf,
  generationChanged,
  labelsChanged,
  not,
  onUpdate,
  resourceVersionChanged,
} from "./controller/predicate.ts";
export { DONE, type ReconcileContext, type Reconciler, type Result } from "./controller/reconciler.ts";
export { keyOf, requestFor, requestOf, type Request } from "./controller/request.ts";
export { LOW_PRIORITY, createChannel, type Channel, type Source } from "./controller/source.ts";
export { createManager, type Manager, type ManagerOptions, type MetricsOptions } from "./manager/manager.ts";
export { LeaderLostError, randomIdentity, type LeaderElectionOptions } from "./manager/leader-election.ts";
export { createStanding, type StandingDeps } from "./manager/standing.ts";
export type { HealthCheck } from "./manager/health.ts";
export type { ListenOptions } from "./manager/http-servers.ts";
export type { Runnable } from "./manager/runnable.ts";
export { createClassicQueue } from "./queue/classic-queue.ts";
export { createPriorityQueue } from "./queue/priority-queue.ts";
export {
  createBucketLimiter,
  createClassicLimiter,
  createExponentialLimiter,
  createMaxOfLimiter,
  type RateLimiter,
} from "./queue/rate-limiter.ts";
export type { AddOptions, QueueItem, WorkQueue } from "./queue/work-queue.ts";
export type { EventDetails, EventRecorder } from "./recorder/event-recorder.ts";
export { ensureFinalizer, hasFinalizer, removeFinalizer } from "./object/finalizer.ts";
export { controllerOf, withController } from "./object/owner-ref.ts";
export { applyStatusIfChanged } from "./object/status.ts";
export { withCondition, type Condition } from "./object/conditions.ts";
