// SPDX-License-Identifier: Apache-2.0
export { containerConfig } from "./config.ts";
export { LOG_LIMITS, type LogLimits, removeRun, rotateLog } from "./logs.ts";
export { containerMounts } from "./mounts.ts";
export { targetIdOf } from "./target.ts";
