// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { CLONE } from "../cluster/layout.ts";
import { exec } from "../exec.ts";
import { Fault, script } from "../fault.ts";

/** What dependency-cruiser found, reduced to what we judge. */
export interface Cruise {
  /** Our own modules that were seen. */
  readonly modules: number;
  /** One line a violation: rule, from, to. */
  readonly violations: readonly string[];
}

interface Output {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly rule: { readonly name: string; readonly severity: string };
      readonly from: string;
      readonly to: string;
      readonly cycle?: readonly { readonly name: string }[];
    }[];
  };
}

const PACKAGES = ["crds", "operators", "webhooks", "edge-agent", "mapper", "mapper/drivers"];
/** Raise it as the code grows: a cruiser that cannot parse sees nothing and finds nothing wrong. */
const FLOOR = 250;

/** Cruises `<package>/src` of each package below `root` with this repository's rules. */
export async function cruiseImports(
  root: string = CLONE,
  packages: readonly string[] = PACKAGES,
): Promise<Cruise> {
  const program = join(CLONE, "node_modules/.bin/depcruise");
  const config = join(CLONE, ".dependency-cruiser.cjs");
  const args = ["--config", config, "--output-type", "json", ...packages.map((name) => `${name}/src`)];
  const { stdout, stderr } = await exec(program, args, { cwd: root, tolerant: true, timeoutMs: 180_000 });
  if (!stdout.startsWith("{")) throw new Fault("CRUISE_FAILED", `depcruise: ${stderr || stdout}`);
  const output = JSON.parse(stdout) as Output;
  return {
    modules: output.modules.filter(({ source }) => packages.some((name) => source.startsWith(`${name}/src/`)))
      .length,
    violations: output.summary.violations
      .filter(({ rule }) => rule.severity === "error")
      .map(
        ({ rule, from, to, cycle }) =>
          `${rule.name}: ${from} → ${cycle?.map(({ name }) => name).join(" → ") ?? to}`,
      ),
  };
}

/** @throws {Fault} IMPORTS_REFUSED naming each import, IMPORTS_UNSEEN when fewer modules than `floor` were seen */
export function judgeImports(cruise: Cruise, floor: number = FLOOR): void {
  if (cruise.violations.length > 0) {
    const list = cruise.violations.map((line) => `  ${line}`).join("\n");
    throw new Fault(
      "IMPORTS_REFUSED",
      `imports against the rules:\n${list}`,
      "the rules are in .dependency-cruiser.cjs",
    );
  }
  if (cruise.modules >= floor) return;
  throw new Fault(
    "IMPORTS_UNSEEN",
    `only ${cruise.modules} modules were seen, expected ${floor} or more`,
    "has dependency-cruiser lost its parser? The floor is in hack/verify/imports.ts",
  );
}

if (import.meta.main) {
  await script(async () => {
    const cruise = await cruiseImports();
    judgeImports(cruise);
    process.stdout.write(`imports: ${cruise.modules} modules follow the rules\n`);
  });
}
