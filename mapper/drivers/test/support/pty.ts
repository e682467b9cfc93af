// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { run, until } from "./process.ts";

/** A serial line of two ends, by the pseudo terminals of Linux. */
export interface TestLine {
  /** Links to the ends, below `/dev/pts`. */
  readonly ends: readonly [string, string];
  readonly kill: () => Promise<void>;
}

export async function startLine(dir: string): Promise<TestLine> {
  const ends = [join(dir, "master"), join(dir, "slave")] as const;
  const socat = run(
    "socat",
    ends.map((path) => `pty,raw,echo=0,link=${path}`),
  );
  await until(() => ends.every((end) => existsSync(end)), "socat's pseudo terminals");
  return { ends, kill: socat.kill };
}
