// SPDX-License-Identifier: Apache-2.0
import { schemas as apps } from "@longshore/crds/apps";
import { schemas as devices } from "@longshore/crds/devices";
import { schemas as oldDevices } from "@longshore/crds/devices/v1alpha2";
import { schemas as operations } from "@longshore/crds/operations";
import { schemas as oldOperations } from "@longshore/crds/operations/v1alpha1";
import { schemas as rules } from "@longshore/crds/rules";
import { createConfigRule } from "./config-update-job/validate.ts";
import type { DeviceLister } from "./device-model/devices.ts";
import { createModelRule } from "./device-model/validate.ts";
import type { ModelReader } from "./device/models.ts";
import { createDeviceRule } from "./device/validate.ts";
import type { ApplicationLookups } from "./edge-application/lookups.ts";
import { createApplicationRule } from "./edge-application/validate.ts";
import { fitting } from "./fitting.ts";
import { createPrePullRule } from "./image-prepull-job/validate.ts";
import type { GroupLookups } from "./node-group/nodes.ts";
import { createGroupRule } from "./node-group/validate.ts";
import { createUpgradeRule } from "./node-upgrade-job/validate.ts";
import { mutatePod } from "./pod/mutate.ts";
import { createEndpointRule } from "./rule-endpoint/validate.ts";
import type { RuleLookups } from "./rule/lookups.ts";
import { createRuleRule } from "./rule/validate.ts";
import type { AdmissionRule } from "./server.ts";

const APPS: Group = { name: "apps.kubeedge.io", schemas: { v1alpha1: apps } };
const DEVICES: Group = {
  name: "devices.kubeedge.io",
  schemas: { v1beta1: devices, v1alpha2: oldDevices },
};
const OPERATIONS: Group = {
  name: "operations.kubeedge.io",
  schemas: { v1alpha2: operations, v1alpha1: oldOperations },
};
const RULES: Group = { name: "rules.kubeedge.io", schemas: { v1: rules } };

export interface RuleDeps {
  readonly models: ModelReader;
  readonly devices: DeviceLister;
  readonly rules: RuleLookups;
  readonly applications: ApplicationLookups;
  readonly groupNodes: GroupLookups;
  /** Refuse what KubeEdge takes and is dangerous, instead of warning of it. */
  readonly isStrict: boolean;
}

/** Which path judges which kind. Paths are KubeEdge's, so that its webhook configurations go on working. */
export const admissionRules = (deps: RuleDeps): readonly AdmissionRule[] => [
  judges("/devices", DEVICES, "Device", createDeviceRule(deps)),
  judges("/devicemodels", DEVICES, "DeviceModel", createModelRule(deps)),
  judges("/nodeupgradejobs", OPERATIONS, "NodeUpgradeJob", createUpgradeRule(deps)),
  judges("/imageprepulljobs", OPERATIONS, "ImagePrePullJob", createPrePullRule(deps)),
  judges("/configupdatejobs", OPERATIONS, "ConfigUpdateJob", createConfigRule(deps)),
  judges("/rules", RULES, "Rule", createRuleRule(deps)),
  judges("/ruleendpoints", RULES, "RuleEndpoint", createEndpointRule(deps)),
  judges("/nodegroups", APPS, "NodeGroup", createGroupRule(deps)),
  judges("/edgeapplications", APPS, "EdgeApplication", createApplicationRule(deps)),
  { path: "/offlinemigration", group: "", kind: "Pod", decide: mutatePod },
];

interface Group {
  readonly name: string;
  /** Schemas of its kinds by version. */
  readonly schemas: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

/** A rule that sees objects of the right shape only. */
function judges(path: string, group: Group, kind: string, decide: AdmissionRule["decide"]): AdmissionRule {
  const versions = Object.entries(group.schemas).map(
    ([version, schemas]) => [version, schemas[kind]] as const,
  );
  return { path, group: group.name, kind, decide: fitting(Object.fromEntries(versions), decide) };
}
