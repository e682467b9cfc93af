// SPDX-License-Identifier: Apache-2.0
import { writeSync } from "node:fs";

/** Lines in the shape of the agent's own, so that one reader takes both. */
export type LauncherLog = (level: "info" | "warn" | "error", msg: string) => void;

const LEVELS = { info: 30, warn: 40, error: 50 } as const;

/** To standard error, at once: the process may become the agent next. */
export const stderrLog: LauncherLog = (level, msg) => {
  const line = { level: LEVELS[level], time: new Date().toISOString(), part: "launcher", msg };
  try {
    writeSync(2, `${JSON.stringify(line)}\n`);
  } catch {
    // nobody listens: the agent matters more
  }
};
