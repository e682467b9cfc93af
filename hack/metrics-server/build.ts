// SPDX-License-Identifier: Apache-2.0
// A module of its own: metrics-server needs newer libraries of Kubernetes, and a newer Go, than the control plane.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { givenBin } from "../control-plane/build.ts";
import { ensureCompiled, type GoModule } from "../control-plane/compile.ts";
import type { Say } from "../steps.ts";

const NAME = "metrics-server";
const MODULE: GoModule = {
  dir: import.meta.dirname,
  name: NAME,
  programs: { [NAME]: "sigs.k8s.io/metrics-server/cmd/metrics-server" },
  variables: {},
  takes: "a minute and a half",
};

/**
 * Path of metrics-server: of LONGSHORE_BIN if it is there, else of the cache, into which it is built.
 *
 * @throws {Fault} NO_GO, EXEC_FAILED with the compiler's words
 */
export async function ensureMetricsServer(say: Say): Promise<string> {
  const given = join(givenBin() ?? "", NAME);
  if (givenBin() !== undefined && existsSync(given)) return given;
  return join(await ensureCompiled(MODULE, [NAME], say), NAME);
}
