// SPDX-License-Identifier: Apache-2.0
// The data plane: samples from devices straight to applications and databases.
export type { PushRefusal } from "./endpoint.ts";
export {
  PUSH_COUNTER_NAMES,
  SinkError,
  type DataPlane,
  type PushCounterName,
  type Sample,
  type Secrets,
  type Sink,
  type Target,
  type TargetKind,
} from "./port.ts";
export { createPusher, DEFAULT_PUSH_OPTIONS, type PusherDeps, type PushOptions } from "./pusher.ts";
export { createSecrets, secretFileName, type SecretsOptions } from "./secrets.ts";
export { createSinkOpener } from "./sinks/index.ts";
export { planPush, type RefusedPush } from "./target.ts";
