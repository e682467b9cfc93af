// SPDX-License-Identifier: Apache-2.0
import { CLONE } from "./cluster/layout.ts";
import { exec } from "./exec.ts";
import { describeFailure, Fault, script } from "./fault.ts";
import { createSteps, type Steps } from "./steps.ts";
import { cruiseImports, judgeImports } from "./verify/imports.ts";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

interface Check {
  readonly title: string;
  readonly run: () => Promise<unknown>;
}

const TIMEOUT_MS = 10 * 60_000;
/** node_modules/.bin is first on the PATH of make and npm. */
const tool = (command: string, ...args: string[]) =>
  exec(command, args, { cwd: CLONE, timeoutMs: TIMEOUT_MS });

/** Those of a list run one after the other, the lists side by side: lint takes as long as all else. */
const CHECKS: readonly (readonly Check[])[] = [
  [{ title: "Lint", run: () => tool("eslint", ".", "--max-warnings", "0") }],
  [
    {
      title: "Generated files are fresh (make generate)",
      run: () => tool("node", "hack/generate/index.ts", "--check"),
    },
    { title: "Format (make fmt)", run: () => tool("prettier", "--check", "--log-level", "warn", ".") },
    { title: "Import rules", run: async () => judgeImports(await cruiseImports()) },
    { title: "Types", run: () => tool("tsc", "-b") },
  ],
];

/** Runs every check, whatever the others say, and prints what each found. */
export async function verify(steps: Steps): Promise<Counts> {
  let failed = 0;
  const runAll = async (checks: readonly Check[]): Promise<void> => {
    for (const { title, run } of checks) {
      try {
        await steps.run(title, run);
      } catch (error) {
        failed += 1;
        process.stdout.write(`${describeFailure(error)}\n`);
      }
    }
  };
  await Promise.all(CHECKS.map(runAll));
  return { passed: CHECKS.flat().length - failed, failed };
}

if (import.meta.main) {
  await script(async () => {
    const { passed, failed } = await verify(createSteps());
    if (failed > 0) throw new Fault("VERIFY_FAILED", `${failed} of ${passed + failed} checks failed`);
  });
}
