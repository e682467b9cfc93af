// SPDX-License-Identifier: Apache-2.0
export type {
  ApplyOptions,
  CallOptions,
  Client,
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
export { loadKubeConfig } from "./api/kube-config.ts";
export { apiVersionOf } from "./api/resource-path.ts";
