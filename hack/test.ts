// SPDX-License-Identifier: Apache-2.0
// `make test`: checks, then unit and integration tests, then end-to-end tests.
// `make e2e T='A3|R18'` (--e2e --title=…): every test whose title matches; without T all end-to-end tests.
// The last line is always `N passed, N failed`, over everything that ran.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureControlPlane } from "./control-plane/build.ts";
import { CLONE, E2E_ENVIRONMENTS, layoutOf } from "./cluster/layout.ts";
import { sweep } from "./cluster/sweep.ts";
import { describeFailure } from "./fault.ts";
import { ensureGoMappers } from "./go-mapper/build.ts";
import { ensureInfluxdb } from "./influxdb/build.ts";
import { ensureMetricsServer } from "./metrics-server/build.ts";
import { ensureOtelCollector } from "./otel-collector/build.ts";
import { ensurePrerequisites, requireRoot, TEST_REQUIREMENTS } from "./prerequisites.ts";
import { createSteps } from "./steps.ts";
import { verify, type Counts } from "./verify.ts";

const PACKAGES = ["crds", "operators", "webhooks", "edge-agent", "mapper", "mapper/drivers", "hack"];
/** One more than the cores of a small machine: tests with real parts wait more than they compute. */
const WORKERS = 3;
/** A test that leaves a timer keeps jest from ending: that is a failure, not a hang. */
const JEST_MS = 25 * 60_000;
const FAILED: Counts = { passed: 0, failed: 1 };

let child: ChildProcess | undefined;
let interruptedBy: NodeJS.Signals | undefined;
const isInterrupted = (): boolean => interruptedBy !== undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    interruptedBy = signal;
    child?.kill(signal);
  });
}

const { values } = parseArgs({
  options: { e2e: { type: "boolean", default: false }, title: { type: "string", default: "" } },
});
const counts = await runAll(values.e2e, values.title).catch((error: unknown): Counts => {
  process.stdout.write(`\n✗ ${describeFailure(error)}\n`);
  return FAILED;
});
process.exitCode = isInterrupted() ? 130 : counts.failed > 0 || counts.passed === 0 ? 1 : 0;
process.once("exit", () => writeSync(1, `${counts.passed} passed, ${counts.failed} failed\n`));

async function runAll(onlyEndToEnd: boolean, title: string): Promise<Counts> {
  requireRoot("make test");
  const steps = createSteps();
  await steps.run("Check what this machine has", (say) => ensurePrerequisites(say, TEST_REQUIREMENTS));
  const bin = await steps.run("Get the control plane", (say) => ensureControlPlane(say));
  // Without it, tests that need it fail: no reason to run no others.
  await steps.run("Get metrics-server", (say) => ensureMetricsServer(say)).catch(() => undefined);
  await steps.run("Get mappers on grpc-go", (say) => ensureGoMappers(say)).catch(() => undefined);
  await steps.run("Get InfluxDB", (say) => ensureInfluxdb(say)).catch(() => undefined);
  await steps.run("Get an OpenTelemetry collector", (say) => ensureOtelCollector(say)).catch(() => undefined);
  const layouts = E2E_ENVIRONMENTS.map((name) => layoutOf(name));
  try {
    const parts: Counts[] = [];
    if (!onlyEndToEnd) parts.push(await verify(steps));
    if ((!onlyEndToEnd || title !== "") && !isInterrupted()) {
      parts.push(
        await steps.run(
          "Unit and integration tests",
          () => jest(PACKAGES, [`--maxWorkers=${WORKERS}`], { title, bin }),
          true,
        ),
      );
    }
    if (!isInterrupted()) {
      // They wait much: two environments side by side are nearly twice as fast. Few tests are not worth a second one.
      const flag = title === "" ? `--maxWorkers=${E2E_ENVIRONMENTS.length}` : "--runInBand";
      parts.push(await steps.run("End-to-end tests", () => jest(["e2e"], [flag], { title, bin }), true));
    }
    process.stdout.write(`\n${steps.table()}\n`);
    return parts.reduce((sum, { passed, failed }) => ({
      passed: sum.passed + passed,
      failed: sum.failed + failed,
    }));
  } finally {
    await steps.run("Remove the end-to-end environments", async () => {
      for (const layout of layouts) await sweep(layout);
    });
    process.stdout.write(
      `  logs of the end-to-end environments: ${layouts.map(({ logs }) => logs).join(", ")}\n`,
    );
  }
}

/** Runs projects of jest; a run that does not tell its counts counts as one failure. */
async function jest(
  projects: readonly string[],
  flags: readonly string[],
  options: { title: string; bin: string },
): Promise<Counts> {
  const dir = mkdtempSync(join(tmpdir(), "longshore-test-"));
  const file = join(dir, "counts.json");
  const program = [
    "--experimental-vm-modules",
    "--disable-warning=ExperimentalWarning",
    join(CLONE, "node_modules/jest/bin/jest.js"),
  ];
  const filter = options.title === "" ? [] : ["--testNamePattern", options.title, "--verbose=false"];
  const args = [...program, "--selectProjects", ...projects, ...flags.map(String), ...filter];
  try {
    const code = await runChild(process.execPath, args, {
      ...process.env,
      LONGSHORE_BIN: options.bin,
      LONGSHORE_COUNTS: file,
    });
    if (!existsSync(file)) return FAILED;
    const counted = JSON.parse(readFileSync(file, "utf8")) as Counts;
    return code !== 0 && counted.failed === 0 && !isEmpty(counted, options.title)
      ? { ...counted, failed: 1 }
      : counted;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** With a title filter, a project in which nothing matches is no failure. */
const isEmpty = (counted: Counts, title: string): boolean => title !== "" && counted.passed === 0;

function runChild(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    child = spawn(command, args, {
      cwd: CLONE,
      env,
      stdio: ["ignore", "inherit", "inherit"],
      timeout: JEST_MS,
      killSignal: "SIGKILL",
    });
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 137));
  });
}
