// SPDX-License-Identifier: Apache-2.0
export { schemas } from "./schema.gen.ts";
export type {
  ImagePrePullJob,
  ImagePrePullJobImageStatus,
  ImagePrePullJobSpec,
  ImagePrePullJobStatus,
  ImagePrePullJobStatusStatus,
  LabelRequirement,
  LabelSelector,
  NodeUpgradeJob,
  NodeUpgradeJobNodeStatus,
  NodeUpgradeJobSpec,
  NodeUpgradeJobStatus,
} from "./types.gen.ts";
