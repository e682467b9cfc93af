// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "pino";

/** What a mapper needs of a logger. Constant message, variable fields; never values of a device. */
export type MapperLog = Pick<Logger, "error" | "warn" | "info" | "debug">;
