// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { build } from "esbuild";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CLONE } from "../cluster/layout.ts";

interface Recipe {
  readonly flags: string;
  readonly program: string;
}
const RECIPE = /\bnode ((?:--\S+ )*)(hack\/\S+\.ts)/g;
const makefile = readFileSync(join(CLONE, "Makefile"), "utf8");
const recipes = [...makefile.matchAll(RECIPE)].map(([, flags = "", program = ""]): Recipe => ({
  flags,
  program,
}));

/** Packages that a program loads, itself or by what it imports. */
async function packagesOf(program: string): Promise<readonly string[]> {
  const { metafile } = await build({
    ...{ entryPoints: [program], absWorkingDir: CLONE, metafile: true, write: false, outdir: "out" },
    ...{ bundle: true, packages: "external", platform: "node", format: "esm", logLevel: "silent" },
  });
  return Object.values(metafile.inputs).flatMap(({ imports }) => imports.map(({ path }) => path));
}

describe("what make runs in a clone in which nothing was compiled yet", () => {
  it("is found in the Makefile", () => {
    expect(recipes.map(({ program }) => program)).toEqual(
      expect.arrayContaining(["hack/up.ts", "hack/test.ts", "hack/bench/index.ts"]),
    );
  });

  it.each(recipes)("$program loads the project's packages from their sources, if any", async (recipe) => {
    const own = (await packagesOf(recipe.program)).filter((path) => path.startsWith("@longshore/"));
    if (own.length > 0) expect(recipe.flags).toContain("--conditions=source");
    else expect(recipe.flags).toBe("");
  });
});
