// SPDX-License-Identifier: Apache-2.0
import type { SessionLog } from "./uplink/port.ts";

/** A log that adds the same fields to every line. */
export function createSessionLog(log: SessionLog, fields: Readonly<Record<string, string>>): SessionLog {
  return {
    debug: (more, message) => log.debug({ ...fields, ...more }, message),
    info: (more, message) => log.info({ ...fields, ...more }, message),
    warn: (more, message) => log.warn({ ...fields, ...more }, message),
    error: (more, message) => log.error({ ...fields, ...more }, message),
  };
}
