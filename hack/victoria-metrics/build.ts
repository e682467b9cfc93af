// SPDX-License-Identifier: Apache-2.0
// A module of its own. Takes what InfluxDB 2 and an OpenTelemetry collector take, and tells what it took.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { givenBin } from "../control-plane/build.ts";
import { cachedBin, ensureCompiled, type GoModule } from "../control-plane/compile.ts";
import type { Say } from "../steps.ts";

const NAME = "victoria-metrics";
const MODULE: GoModule = {
  dir: import.meta.dirname,
  name: NAME,
  programs: { [NAME]: "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics" },
  variables: {},
  takes: "half a minute",
};

/**
 * Path of VictoriaMetrics: of LONGSHORE_BIN if it is there, else of the cache, into which it is built.
 *
 * @throws {Fault} NO_GO, EXEC_FAILED with the compiler's words
 */
export async function ensureVictoriaMetrics(say: Say): Promise<string> {
  return victoriaMetrics() ?? join(await ensureCompiled(MODULE, [NAME], say), NAME);
}

/** Its path, unless it is yet to be built. */
export function victoriaMetrics(): string | undefined {
  const dirs = [givenBin(), cachedBin(MODULE)].filter((dir) => dir !== undefined);
  return dirs.map((dir) => join(dir, NAME)).find((path) => existsSync(path));
}
