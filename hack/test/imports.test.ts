// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CLONE } from "../cluster/layout.ts";
import { cruiseImports, judgeImports } from "../verify/imports.ts";

/** Files of a small tree in the shape of this repository; inside it, so that npm packages resolve. */
function plant(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

const SOUND = {
  "operators/package.json": `{ "name": "operators", "dependencies": { "ioredis": "*", "bullmq": "*" } }`,
  "crds/package.json": `{ "name": "crds" }`,
  "crds/src/wire.ts": `import { createHash } from "node:crypto";\nexport const wire = createHash;\n`,
  "operators/src/runtime/index.ts": `export const runtime = 1;\n`,
  "operators/src/delivery/outbox.ts": `export interface Outbox { sync(): void }\n`,
  "operators/src/delivery/redis.ts": `import { Redis } from "ioredis";\nexport const redis = Redis;\n`,
  "operators/src/config/index.ts": `export const config = 1;\n`,
  "operators/src/hub/index.ts": `export const hub = 1;\n`,
  "operators/src/roles/hub.ts": `import { config } from "../config/index.ts";\nimport { hub } from "../hub/index.ts";\nexport const role = [config, hub];\n`,
  "operators/src/workload/desired.ts": `export const desired = 1;\n`,
  "operators/src/workload/index.ts": `import { desired } from "./desired.ts";\nexport { desired };\nimport { runtime } from "../runtime/index.ts";\nimport type { Outbox } from "../delivery/outbox.ts";\nexport const workload: [typeof runtime, Outbox?] = [runtime];\n`,
  "edge-agent/src/store/port.ts": `export interface Store { get(): void }\n`,
  "edge-agent/src/tunnel/client.ts": `import type { Store } from "../store/port.ts";\nexport const store: Store[] = [];\n`,
};

const PLANTED = [
  { rule: "crds-alone", folder: "crds/src", target: "ioredis" },
  { rule: "crds-alone", folder: "crds/src", target: "../../operators/src/runtime/index.ts" },
  { rule: "runtime-knows-no-kind", folder: "operators/src/runtime", target: "../../../crds/src/wire.ts" },
  { rule: "controller-stays-home", folder: "operators/src/device", target: "../workload/index.ts" },
  { rule: "controller-stays-home", folder: "operators/src/device", target: "bullmq" },
  { rule: "controller-stays-home", folder: "operators/src/device", target: "../delivery/redis.ts" },
  { rule: "controller-stays-home", folder: "operators/src/device", target: "../hub/index.ts" },
  { rule: "controller-stays-home", folder: "operators/src/device", target: "ioredis" },
  { rule: "config-alone", folder: "operators/src/config", target: "../runtime/index.ts" },
  { rule: "config-by-roles-only", folder: "operators/src/device", target: "../config/index.ts" },
  { rule: "config-by-roles-only", folder: "operators/src/hub", target: "../config/index.ts" },
  { rule: "roles-by-main-only", folder: "operators/src/hub", target: "../roles/hub.ts" },
  { rule: "redis-in-adapters-only", folder: "operators/src/roles", target: "ioredis" },
  { rule: "hub-without-redis", folder: "operators/src/hub", target: "ioredis" },
  { rule: "hub-uses-ports", folder: "operators/src/hub", target: "../workload/index.ts" },
  { rule: "hub-uses-ports", folder: "operators/src/hub", target: "../delivery/redis.ts" },
  { rule: "delivery-adapters", folder: "operators/src/delivery", target: "../runtime/index.ts" },
  { rule: "edge-agent-alone", folder: "edge-agent/src", target: "../../operators/src/runtime/index.ts" },
  { rule: "edge-rooms-apart", folder: "edge-agent/src/store", target: "../tunnel/client.ts" },
  { rule: "no-cycles", folder: "crds/src", target: "./bad.ts" },
  { rule: "resolvable", folder: "crds/src", target: "./nowhere.ts" },
  { rule: "declared", folder: "crds/src", target: "undici" },
];

describe("import rules", () => {
  let root = "";
  beforeEach(() => {
    mkdirSync(join(CLONE, ".run"), { recursive: true });
    root = mkdtempSync(join(CLONE, ".run/imports-"));
    plant(root, SOUND);
    copyFileSync(join(CLONE, "tsconfig.base.json"), join(root, "tsconfig.base.json"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("accept what the table of the design allows", async () => {
    const cruise = await cruiseImports(root, ["crds", "operators", "edge-agent"]);
    expect(cruise).toEqual({ modules: 11, violations: [] });
  });

  it.each(PLANTED)("refuse $target in $folder ($rule)", async ({ rule, folder, target }) => {
    plant(root, { [`${folder}/bad.ts`]: `import * as it from "${target}";\nexport const x = it;\n` });
    const { violations } = await cruiseImports(root, ["crds", "operators", "edge-agent"]);
    expect(violations.map((line) => line.split(":")[0])).toContain(rule);
  });

  it("refuse two files that know each other by their types alone", async () => {
    const knowing = (other: string): string =>
      `import type { T as Other } from "./${other}.ts";\nexport interface T { readonly other: Other }\n`;
    plant(root, { "crds/src/a.ts": knowing("b"), "crds/src/b.ts": knowing("a") });
    const { violations } = await cruiseImports(root, ["crds"]);
    expect(violations.map((line) => line.split(":")[0])).toContain("no-cycles");
  });

  it("fail when fewer modules were seen than there must be", () => {
    expect(() => judgeImports({ modules: 0, violations: [] })).toThrow("only 0 modules were seen");
  });
});
