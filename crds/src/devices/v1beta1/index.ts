// SPDX-License-Identifier: Apache-2.0
export { deviceHazards, modelHazards } from "./hazards.ts";
export { judgeDevice, type DeviceJudgement } from "./judge.ts";
export {
  duplicateNames,
  duplicateProperties,
  modelMismatches,
  unusableBounds,
  type RuleViolation,
} from "./rules.ts";
export { schemas } from "./schema.gen.ts";
export type {
  Device,
  DeviceMethod,
  DeviceModel,
  DeviceModelProperty,
  DeviceModelSpec,
  DeviceModelStatus,
  DeviceProperty,
  DeviceSpec,
  DeviceStatus,
  DeviceStatusStatus,
  DeviceStatusTwin,
} from "./types.gen.ts";
export { judgeValue } from "./values.ts";
