// SPDX-License-Identifier: Apache-2.0
// The SDK for device developers: write a Driver, hand it to createMapper.
export { systemClock, type Clock } from "./clock.ts";
export { driverOf, type MapperDefinition, type Method } from "./define.ts";
export { COUNTER_NAMES, type CounterName } from "./counters.ts";
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
export { MapperError, type MapperErrorCode } from "./errors.ts";
export type { MapperLog } from "./log.ts";
export { createMapper, type Mapper, type MapperConfig } from "./mapper.ts";
export { DEFAULT_OPTIONS, type MapperOptions } from "./options.ts";
export { DMI_VERSION } from "./version.ts";
