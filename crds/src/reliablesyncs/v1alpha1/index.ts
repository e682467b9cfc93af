// SPDX-License-Identifier: Apache-2.0
export { schemas } from "./schema.gen.ts";
export type {
  ClusterObjectSync,
  ClusterObjectSyncSpec,
  ClusterObjectSyncStatus,
  ObjectSync,
  ObjectSyncSpec,
  ObjectSyncStatus,
} from "./types.gen.ts";
