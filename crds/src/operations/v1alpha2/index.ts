// SPDX-License-Identifier: Apache-2.0
export { schemas } from "./schema.gen.ts";
export type {
  ConfigUpdateJob,
  ConfigUpdateJobActionFlow,
  ConfigUpdateJobNodeStatus,
  ConfigUpdateJobSpec,
  ConfigUpdateJobStatus,
  ImagePrePullJob,
  ImagePrePullJobActionFlow,
  ImagePrePullJobImageStatus,
  ImagePrePullJobNodeStatus,
  ImagePrePullJobSpec,
  ImagePrePullJobStatus,
  ImagePrePullJobStatusImageStatus,
  ImagePrePullJobStatusStatus,
  LabelRequirement,
  LabelSelector,
  NodeUpgradeJob,
  NodeUpgradeJobActionFlow,
  NodeUpgradeJobNodeStatus,
  NodeUpgradeJobSpec,
  NodeUpgradeJobStatus,
} from "./types.gen.ts";
