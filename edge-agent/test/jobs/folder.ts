// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Hundreds of lives, and none loses power: a disk would only make them slow. */
const MEMORY = "/dev/shm";

/** A new folder in memory where the machine has such. */
export const makeFolder = (prefix: string): string =>
  mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), prefix));
