// SPDX-License-Identifier: Apache-2.0
import { Fault } from "../fault.ts";

/** Reads a size from an environment variable. @throws {Fault} USAGE below 2 */
export function sizeOf(variable: string, usual: number): number {
  const text = process.env[variable] ?? "";
  if (text === "") return usual;
  const size = Number(text);
  if (!Number.isSafeInteger(size) || size < 2)
    throw new Fault("USAGE", `${variable}=${text} is no number of at least 2`);
  return size;
}
