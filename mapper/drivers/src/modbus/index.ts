// SPDX-License-Identifier: Apache-2.0
export { ModbusError, type ModbusErrorCode } from "./errors.ts";
export { modbusMapper } from "./mapper.ts";
export { DEFAULT_MODBUS_OPTIONS, modbusOptionsOf, type ModbusOptions } from "./options.ts";
