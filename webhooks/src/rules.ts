// SPDX-License-Identifier: Apache-2.0
import type { DeviceLister } from "./device-model/devices.ts";
import { createModelRule } from "./device-model/validate.ts";
import type { ModelReader } from "./device/models.ts";
import { createDeviceRule } from "./device/validate.ts";
import type { AdmissionRule } from "./server.ts";

const GROUP = "devices.kubeedge.io";

export interface RuleDeps {
  readonly models: ModelReader;
  readonly devices: DeviceLister;
  /** Refuse what KubeEdge takes and is dangerous, instead of warning of it. */
  readonly isStrict: boolean;
}

/** Which path judges which kind. Paths are KubeEdge's, so that its webhook configurations go on working. */
export const admissionRules = (deps: RuleDeps): readonly AdmissionRule[] => [
  { path: "/devices", group: GROUP, kind: "Device", decide: createDeviceRule(deps) },
  { path: "/devicemodels", group: GROUP, kind: "DeviceModel", decide: createModelRule(deps) },
];
