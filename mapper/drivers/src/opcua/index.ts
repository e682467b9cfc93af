// SPDX-License-Identifier: Apache-2.0
export { OpcuaError, type OpcuaErrorCode } from "./errors.ts";
export { opcuaMapper } from "./mapper.ts";
export { DEFAULT_OPCUA_OPTIONS, opcuaOptionsOf, type OpcuaOptions, type Trust } from "./options.ts";
