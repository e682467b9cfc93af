// SPDX-License-Identifier: Apache-2.0
// The SDK for device developers: hand what your devices can do to defineMapper, and run it.
export {
  defineMapper,
  driverOf,
  type CreateConfig,
  type DefinedMapper,
  type MapperDefinition,
  type Method,
} from "./define.ts";
export type { Env } from "./program/run.ts";

// What a driver gets and gives.
export {
  DEVICE_STATES,
  type CallContext,
  type ConfigData,
  type Device,
  type DeviceHandle,
  type DeviceState,
  type Driver,
  type MethodCall,
  type Property,
  type PropertyType,
  type StreamContext,
  type StreamProperty,
  type Value,
} from "./driver.ts";

// A mapper without its program, for tests and for programs of another shape.
export { systemClock, type Clock } from "./clock.ts";
export { COUNTER_NAMES, type CounterName } from "./counters.ts";
export { PUSH_COUNTER_NAMES, type PushCounterName, type PushOptions } from "./data/index.ts";
export { MapperError, type MapperErrorCode } from "./errors.ts";
export { createLog, LOG_LEVELS, type LogLevel, type LogOptions, type MapperLog } from "./log.ts";
export { createMapper, type Mapper, type MapperConfig } from "./mapper.ts";
export { DEFAULT_OPTIONS, type MapperOptions } from "./options.ts";
export {
  FleetError,
  type DeviceMethodInfo,
  type FleetApi,
  type FleetErrorCode,
  type ModelInfo,
  type Reading,
} from "./rest/index.ts";
export { DMI_VERSION } from "./version.ts";
