// SPDX-License-Identifier: Apache-2.0
// InfluxDB 1.8: the last that is whole in Go. It takes writes as InfluxDB 2 does (`/api/v2/write`).
import { existsSync } from "node:fs";
import { join } from "node:path";
import { givenBin } from "../control-plane/build.ts";
import { ensureCompiled, type GoModule } from "../control-plane/compile.ts";
import type { Say } from "../steps.ts";

const NAME = "influxd";
const MODULE: GoModule = {
  dir: import.meta.dirname,
  name: "influxdb",
  programs: { [NAME]: "github.com/influxdata/influxdb/cmd/influxd" },
  variables: {},
  takes: "a minute",
};

/**
 * Path of InfluxDB's server: of LONGSHORE_BIN if it is there, else of the cache, into which it is built.
 *
 * @throws {Fault} NO_GO, EXEC_FAILED with the compiler's words
 */
export async function ensureInfluxdb(say: Say): Promise<string> {
  const given = join(givenBin() ?? "", NAME);
  if (givenBin() !== undefined && existsSync(given)) return given;
  return join(await ensureCompiled(MODULE, [NAME], say), NAME);
}
