// SPDX-License-Identifier: Apache-2.0
export { openLog, type OpenLogDeps } from "./open.ts";
export { LOG_READ_OPTIONS, type LogCounters, type LogReadOptions } from "./reader.ts";
