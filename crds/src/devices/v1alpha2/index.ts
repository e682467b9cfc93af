// SPDX-License-Identifier: Apache-2.0
export { schemas } from "./schema.gen.ts";
export type {
  Device,
  DeviceDataProperty,
  DeviceMatchField,
  DeviceModel,
  DeviceModelProperty,
  DeviceModelSpec,
  DeviceModelStatus,
  DeviceNodeSelectorTerm,
  DeviceOrderOfOperation,
  DevicePropertyVisitor,
  DeviceSpec,
  DeviceStatus,
  DeviceStatusTwin,
  DeviceTwin,
  LabelRequirement,
} from "./types.gen.ts";
