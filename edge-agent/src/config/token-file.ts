// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { ConfigError, ExitCode } from "./errors.ts";

const MAX_TOKEN_BYTES = 4096;

/**
 * Reads a token from a file that only its owner may read. Never reads more than a token can have.
 *
 * @throws {ConfigError} 66 missing, 77 readable by others, 65 too large
 */
export function readTokenFile(path: string): string {
  const fd = open(path);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new ConfigError(ExitCode.data, [`${path}: is not a regular file`]);
    if ((stat.mode & 0o077) !== 0) {
      throw new ConfigError(ExitCode.permission, [`${path}: can be read by others: run chmod 600 ${path}`]);
    }
    const buffer = Buffer.alloc(MAX_TOKEN_BYTES + 1);
    const length = readSync(fd, buffer);
    if (length > MAX_TOKEN_BYTES) throw new ConfigError(ExitCode.data, [`${path}: is too large for a token`]);
    return buffer.toString("utf8", 0, length).trim();
  } finally {
    closeSync(fd);
  }
}

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    throw new ConfigError(ExitCode.noInput, [`${path}: cannot be read`], { cause: error });
  }
}
