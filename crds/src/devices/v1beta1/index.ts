// SPDX-License-Identifier: Apache-2.0
export { duplicateProperties, type RuleViolation } from "./rules.ts";
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
