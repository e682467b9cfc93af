// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";

const DEATH_SIGNAL = "/usr/bin/setpriv";

/**
 * Command and arguments of a program that the kernel ends with the process that starts it: a test that fails while it
 * makes its bench, or a test runner that is killed, leaves nothing running.
 */
export const tied = (program: string, args: readonly string[]): readonly [string, readonly string[]] =>
  existsSync(DEATH_SIGNAL) ? [DEATH_SIGNAL, ["--pdeathsig", "KILL", program, ...args]] : [program, args];
