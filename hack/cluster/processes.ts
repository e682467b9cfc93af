// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Fault } from "../fault.ts";
import { lastLines } from "../exec.ts";
import { waitFor } from "../wait.ts";
import type { Layout } from "./layout.ts";

/** What to run. It is recorded, so that any later process can stop it and start it again. */
export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface ProcessRecord extends ProcessSpec {
  readonly pid: number;
  /** Clock ticks since boot: together with the pid it names a process for ever. */
  readonly startTicks: string;
}

const STOP_GRACE_MS = 10_000;

/** Starts a process that outlives us, with its output in `logs/<name>.log`. */
export function startProcess(layout: Layout, spec: ProcessSpec): ProcessRecord {
  const running = findProcess(layout, spec.name);
  if (running && isAlive(running)) {
    throw new Fault("PROCESS_RUNS", `${spec.name} runs already (pid ${running.pid})`, "make down");
  }
  const log = openSync(logOf(layout, spec.name), "a", 0o600);
  const child = spawn(spec.command, spec.args, {
    detached: true,
    cwd: layout.root,
    env: { ...process.env, NODE_OPTIONS: undefined, ...spec.env }, // what a test runner needs is not theirs
    stdio: ["ignore", log, log],
  });
  child.once("error", () => undefined); // pid is undefined then, told below
  closeSync(log);
  if (child.pid === undefined) throw new Fault("PROCESS_MISSING", `cannot start ${spec.command}`);
  child.unref();
  const record = { ...spec, pid: child.pid, startTicks: startTicksOf(child.pid) ?? "gone" };
  const path = recordPath(layout, spec.name);
  writeFileSync(`${path}.tmp`, JSON.stringify(record, null, 2), { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
  return record;
}

/** Waits until `probe` succeeds; ends at once, with the end of its log, when the process is gone. */
export async function waitReady(
  layout: Layout,
  record: ProcessRecord,
  timeoutMs: number,
  probe: () => Promise<boolean>,
): Promise<void> {
  const log = logOf(layout, record.name);
  await waitFor(
    async () => {
      if (isAlive(record)) return probe();
      throw new Fault(
        "PROCESS_ENDED",
        `${record.name} ended before it was ready:\n${tailOf(log)}`,
        `the whole log: ${log}`,
      );
    },
    { what: `${record.name} to be ready`, timeoutMs, advice: `its log: ${log}` },
  );
}

/** Stops a process by its record: signal, then SIGKILL after the grace. A recycled pid is left alone. */
export async function stopProcess(
  layout: Layout,
  name: string,
  options: { signal?: NodeJS.Signals; graceMs?: number; forget?: boolean } = {},
): Promise<void> {
  const record = findProcess(layout, name);
  if (!record) return;
  if (isAlive(record)) {
    signalProcess(record, options.signal ?? "SIGTERM");
    const graceMs = options.graceMs ?? STOP_GRACE_MS;
    const gone = await waitFor(() => !isAlive(record), {
      what: name,
      timeoutMs: graceMs,
      intervalMs: 25,
    }).catch(() => false);
    if (!gone) {
      signalProcess(record, "SIGKILL");
      await waitFor(() => !isAlive(record), { what: `${name} to end`, timeoutMs: 5_000, intervalMs: 25 });
    }
  }
  if (options.forget === true) rmSync(recordPath(layout, name), { force: true });
}

/** Starts a recorded process again, with the same arguments. */
export function restartProcess(layout: Layout, name: string): ProcessRecord {
  const record = findProcess(layout, name);
  if (!record) throw new Fault("PROCESS_UNKNOWN", `no process "${name}" was started here`);
  const { command, args, env } = record;
  return startProcess(layout, { name, command, args, ...(env === undefined ? {} : { env }) });
}

export function findProcess(layout: Layout, name: string): ProcessRecord | undefined {
  const path = recordPath(layout, name);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as ProcessRecord) : undefined;
}

/** Names of all recorded processes of an environment. */
export function recordedProcesses(layout: Layout): string[] {
  if (!existsSync(layout.processes)) return [];
  return readdirSync(layout.processes)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -5));
}

/** Whether exactly the recorded process still runs (a zombie does not). */
export const isAlive = (record: ProcessRecord): boolean => startTicksOf(record.pid) === record.startTicks;

export const logOf = (layout: Layout, name: string): string => join(layout.logs, `${name}.log`);

const recordPath = (layout: Layout, name: string): string => join(layout.processes, `${name}.json`);

const tailOf = (path: string): string =>
  existsSync(path) ? lastLines(readFileSync(path, "utf8"), 15) : "(no log)";

export function signalProcess(record: ProcessRecord, signal: NodeJS.Signals): void {
  try {
    if (isAlive(record)) process.kill(record.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Field 22 of /proc/<pid>/stat; undefined when there is no such process or it is a zombie. */
export function startTicksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined; // ended between the listing and the read
  }
}
