// SPDX-License-Identifier: Apache-2.0
import { readdir, rename, rm, stat } from "node:fs/promises";
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
 * Moves a log that has grown too long aside and has the runtime open a new one. When that fails the
 * file moves back, for the runtime still writes into it.
 *
 * @returns true when it was rotated
 */
export async function rotateLog(
  path: string,
  limits: LogLimits & { readonly nowMs: number },
  reopen: () => Promise<void>,
): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  if (!info || info.size <= limits.maxBytes) return false;
  const aside = `${path}.${stamp(limits.nowMs)}`;
  await rename(path, aside);
  try {
    await reopen();
  } catch (error) {
    await rename(aside, path);
    throw error;
  }
  const dir = dirname(path);
  for (const file of surplus(await readdir(dir), basename(path), limits.maxFiles)) {
    await rm(join(dir, file), { force: true });
  }
  return true;
}
