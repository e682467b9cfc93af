// SPDX-License-Identifier: Apache-2.0
export { schemas } from "./schema.gen.ts";
export type {
  EdgeApplication,
  EdgeApplicationArgsOverrider,
  EdgeApplicationClaim,
  EdgeApplicationCommandOverrider,
  EdgeApplicationEnvOverrider,
  EdgeApplicationImageOverrider,
  EdgeApplicationOverriders,
  EdgeApplicationResourcesOverrider,
  EdgeApplicationSpec,
  EdgeApplicationStatus,
  EdgeApplicationTargetNodeGroup,
  EdgeApplicationTargetNodeLabel,
  EdgeApplicationEnvOverriderValue,
  EdgeApplicationWorkloadStatus,
  LabelRequirement,
  LabelSelector,
  NodeGroup,
  NodeGroupNodeStatus,
  NodeGroupSpec,
  NodeGroupStatus,
} from "./types.gen.ts";
