// SPDX-License-Identifier: Apache-2.0

/** The part of pino that delivery uses. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
