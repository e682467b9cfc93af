// SPDX-License-Identifier: Apache-2.0
import { link, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isPathElement, lastWordsPath, logDir, logPath, type Paths } from "../identity/index.ts";

/** How much of a container's log is kept. */
export interface LogLimits {
  readonly maxBytes: number;
  /** of one container run, the one being written included */
  readonly maxFiles: number;
}

/** A kubelet's: 10 MiB, 5 files. */
export const LOG_LIMITS: LogLimits = { maxBytes: 10 * 1024 * 1024, maxFiles: 5 };

/** `20261121-020705` in UTC: sorts by age. */
const stamp = (nowMs: number): string =>
  new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");

/** Files of one run of a container that is dead and gone: its log, what was rotated of it, its last words. */
export async function removeRun(
  paths: Paths,
  pod: { readonly uid: string; readonly name: string; readonly namespace: string },
  run: { readonly name: string; readonly attempt: number },
): Promise<void> {
  // The name comes from the runtime: it may be another's container.
  if (!isPathElement(run.name)) return;
  const log = join(logDir(paths, pod), logPath(run.name, run.attempt));
  const files = await readdir(dirname(log)).catch(() => []);
  const mine = files.filter((file) => file === basename(log) || file.startsWith(`${basename(log)}.`));
  for (const file of mine) await rm(join(dirname(log), file), { force: true });
  await rm(lastWordsPath(paths, pod.uid, run), { force: true });
}

/** Rotated files that are too many, of those that belong to `name`. Pure. */
export function surplus(files: readonly string[], name: string, maxFiles: number): readonly string[] {
  const mine = files.filter((file) => file.startsWith(`${name}.`)).sort();
  return mine.slice(0, Math.max(0, mine.length - Math.max(0, maxFiles - 1)));
}

/**
 * Name for a log that is moved aside: the second in which that is, or the one after the newest that is there, so that
 * names go up whatever the clock does and none is had twice. Pure.
 */
export function asideName(files: readonly string[], name: string, nowMs: number): string {
  const prefix = `${name}.`;
  const taken = files
    .filter((file) => file.startsWith(prefix))
    .map((file) => msOf(file.slice(prefix.length)));
  return `${prefix}${stamp(Math.max(nowMs, ...taken.map((atMs) => atMs + 1000)))}`;
}

/** The second that a stamp names; whatever else the name has (a kubelet's `.gz`) follows it. */
function msOf(stamped: string): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)/.exec(stamped) ?? [];
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(atMs) ? -Infinity : atMs;
}

/**
 * Moves a log that has grown too long aside and has the runtime open a new one. When that fails the
 * file moves back, for the runtime still writes into it. One that is not there (somebody removed it, or an agent ended
 * while it was moved) is opened anew too.
 *
 * @returns true when it was rotated
 */
export async function rotateLog(
  path: string,
  limits: LogLimits & { readonly nowMs: number },
  reopen: () => Promise<void>,
): Promise<boolean> {
  const bytes = await sizeOf(path);
  if (bytes === undefined) await reopen();
  if (bytes === undefined || bytes <= limits.maxBytes) return false;
  const dir = dirname(path);
  const aside = join(dir, asideName(await readdir(dir), basename(path), limits.nowMs));
  await rename(path, aside);
  try {
    await reopen();
  } catch (error) {
    await moveBack(aside, path);
    throw error;
  }
  for (const file of surplus(await readdir(dir), basename(path), limits.maxFiles)) {
    await rm(join(dir, file), { force: true });
  }
  return true;
}

/** Undefined when there is no such file. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Unless there is a new one: the runtime may have opened it and only its answer was lost. */
async function moveBack(aside: string, path: string): Promise<void> {
  try {
    await link(aside, path);
  } catch (error) {
    if (isCode(error, "EEXIST")) return;
    throw error;
  }
  await rm(aside);
}

const isCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code;
