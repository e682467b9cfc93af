// SPDX-License-Identifier: Apache-2.0
// Generates everything named *.gen.* under crds/src and docs. `--check` writes nothing and exits 1 naming what is stale.
import { join } from "node:path";
import { docOutputs } from "./docs.ts";
import { readKinds } from "./manifests.ts";
import { staleOutputs, writeOutputs } from "./outputs.ts";
import { protoOutputs } from "./protos.ts";
import { schemaOutputs } from "./schemas.ts";
import { typeOutputs } from "./types.ts";

const root = join(import.meta.dirname, "../..");
const kinds = await readKinds(root);
const outputs = new Map([
  ...(await protoOutputs(root)),
  ...(await typeOutputs(kinds)),
  ...schemaOutputs(kinds),
  ...docOutputs(),
]);
const stale = await staleOutputs(root, outputs);

if (process.argv.includes("--check")) {
  for (const path of stale) console.error(`stale: ${path}`);
  if (stale.length > 0) {
    console.error("Generated files differ from their sources. Run: npx node hack/generate/index.ts");
    process.exitCode = 1;
  }
} else {
  await writeOutputs(root, outputs, stale);
  console.log(`${outputs.size} generated files, ${stale.length} updated`);
}
