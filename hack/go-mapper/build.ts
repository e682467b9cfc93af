// SPDX-License-Identifier: Apache-2.0
// One program with two versions of grpc-go: before 1.57 it wrote the path of a socket as the authority of its calls.
import { join } from "node:path";
import { ensureCompiled, type GoModule } from "../control-plane/compile.ts";
import type { Say } from "../steps.ts";

const module = (name: string, dir: string): GoModule => ({
  dir,
  name,
  programs: { "go-mapper": "." },
  variables: {},
  takes: "half a minute",
});

const MODULES = [
  module("go-mapper", import.meta.dirname),
  module("go-mapper-1.56", join(import.meta.dirname, "grpc-1.56")),
];

/**
 * Builds mappers on grpc-go into the cache, where the agent's tests look for them.
 *
 * @throws {Fault} NO_GO, EXEC_FAILED with the compiler's words
 */
export async function ensureGoMappers(say: Say): Promise<void> {
  for (const each of MODULES) await ensureCompiled(each, ["go-mapper"], say);
}
