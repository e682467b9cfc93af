// SPDX-License-Identifier: Apache-2.0
// An OpenTelemetry collector for tests, put together from OpenTelemetry's own parts: see main.go.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { givenBin } from "../control-plane/build.ts";
import { ensureCompiled, type GoModule } from "../control-plane/compile.ts";
import type { Say } from "../steps.ts";

const NAME = "otel-collector";
const MODULE: GoModule = {
  dir: import.meta.dirname,
  name: NAME,
  programs: { [NAME]: "." },
  variables: {},
  takes: "a minute",
};

/**
 * Path of the collector: of LONGSHORE_BIN if it is there, else of the cache, into which it is built.
 *
 * @throws {Fault} NO_GO, EXEC_FAILED with the compiler's words
 */
export async function ensureOtelCollector(say: Say): Promise<string> {
  const given = join(givenBin() ?? "", NAME);
  if (givenBin() !== undefined && existsSync(given)) return given;
  return join(await ensureCompiled(MODULE, [NAME], say), NAME);
}
