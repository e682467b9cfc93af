// SPDX-License-Identifier: Apache-2.0
import { createConfigRule } from "./config-update-job/validate.ts";
import type { DeviceLister } from "./device-model/devices.ts";
import { createModelRule } from "./device-model/validate.ts";
import type { ModelReader } from "./device/models.ts";
import { createDeviceRule } from "./device/validate.ts";
import { createPrePullRule } from "./image-prepull-job/validate.ts";
import { createUpgradeRule } from "./node-upgrade-job/validate.ts";
import { mutatePod } from "./pod/mutate.ts";
import { createEndpointRule } from "./rule-endpoint/validate.ts";
import type { RuleLookups } from "./rule/lookups.ts";
import { createRuleRule } from "./rule/validate.ts";
import type { AdmissionRule } from "./server.ts";

const DEVICES = "devices.kubeedge.io";
const OPERATIONS = "operations.kubeedge.io";
const RULES = "rules.kubeedge.io";

export interface RuleDeps {
  readonly models: ModelReader;
  readonly devices: DeviceLister;
  readonly rules: RuleLookups;
  /** Refuse what KubeEdge takes and is dangerous, instead of warning of it. */
  readonly isStrict: boolean;
}

/** Which path judges which kind. Paths are KubeEdge's, so that its webhook configurations go on working. */
export const admissionRules = (deps: RuleDeps): readonly AdmissionRule[] => [
  { path: "/devices", group: DEVICES, kind: "Device", decide: createDeviceRule(deps) },
  { path: "/devicemodels", group: DEVICES, kind: "DeviceModel", decide: createModelRule(deps) },
  { path: "/nodeupgradejobs", group: OPERATIONS, kind: "NodeUpgradeJob", decide: createUpgradeRule(deps) },
  { path: "/imageprepulljobs", group: OPERATIONS, kind: "ImagePrePullJob", decide: createPrePullRule(deps) },
  { path: "/configupdatejobs", group: OPERATIONS, kind: "ConfigUpdateJob", decide: createConfigRule(deps) },
  { path: "/rules", group: RULES, kind: "Rule", decide: createRuleRule(deps) },
  { path: "/ruleendpoints", group: RULES, kind: "RuleEndpoint", decide: createEndpointRule(deps) },
  { path: "/offlinemigration", group: "", kind: "Pod", decide: mutatePod },
];
