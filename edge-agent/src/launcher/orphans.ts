// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import type { Clock } from "../clock.ts";
import { PARENT_VARIABLE } from "./child.ts";
import type { LauncherLog } from "./log.ts";

/**
 * Agents of this folder whose launcher was killed: they would keep the store, and speak for the one that is started
 * next. Of this machine's processes those that a launcher marked, and that have another parent by now.
 */
export function findOrphans(agentDir: string, proc = "/proc"): number[] {
  return readdirSync(proc)
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) => isOrphan(`${proc}/${pid}`, agentDir))
    .map(Number);
}

function isOrphan(folder: string, agentDir: string): boolean {
  try {
    const args = readFileSync(`${folder}/cmdline`, "utf8").split("\0");
    if (args[args.indexOf("--agent-dir") + 1] !== agentDir || !isOurs(`${folder}/status`)) return false;
    const mark = readFileSync(`${folder}/environ`, "utf8")
      .split("\0")
      .find((line) => line.startsWith(`${PARENT_VARIABLE}=`));
    return mark !== undefined && mark !== `${PARENT_VARIABLE}=${parentIn(`${folder}/stat`)}`;
  } catch {
    return false; // it ended meanwhile, or is somebody else's
  }
}

/** Anybody can look like an agent, and would hold the next one up. */
const isOurs = (file: string): boolean =>
  Number(/^Uid:\s+(\d+)/m.exec(readFileSync(file, "utf8"))?.[1]) === process.getuid?.();

/** The command's name, in brackets, may hold anything. */
function parentIn(file: string): string {
  const text = readFileSync(file, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[1] ?? "";
}

const LOOK_AGAIN_MS = 100;
/** The kernel may hold a process that waits for a disk. */
const GIVE_UP_MS = 10_000;

/** Ends them; resolves when they are gone, or cannot be ended. */
export async function endOrphans(
  agentDir: string,
  clock: Clock,
  graceMs: number,
  log: LauncherLog,
): Promise<void> {
  const endMs = clock.monotonicMs() + graceMs;
  let asked: readonly number[] = [];
  for (let found = findOrphans(agentDir); found.length > 0; found = findOrphans(agentDir)) {
    const isLate = clock.monotonicMs() >= endMs;
    if (clock.monotonicMs() >= endMs + GIVE_UP_MS) {
      log("error", `cannot be ended: ${found.join(", ")}`);
      return;
    }
    const next = isLate ? found : found.filter((pid) => !asked.includes(pid));
    if (next.length > 0) log("warn", `an agent without its launcher is ended: ${next.join(", ")}`);
    next.forEach((pid) => end(pid, isLate ? "SIGKILL" : "SIGTERM"));
    asked = found;
    await new Promise<void>((resolve) => void clock.schedule(LOOK_AGAIN_MS, resolve));
  }
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it ended meanwhile; one that may not be ended is found again
  }
}
