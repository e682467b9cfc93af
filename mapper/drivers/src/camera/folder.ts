// SPDX-License-Identifier: Apache-2.0
import { link, lstat, mkdir, mkdtemp, readdir, realpath, rename, rm, stat, unlink } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { isInside } from "../files/index.ts";
import { createBudget, type Budget, type BudgetLimits } from "./budget.ts";
import { CameraError } from "./errors.ts";

/** Where pictures may be put. */
export interface Outputs {
  /**
   * Opens a folder below one of the allowed ones, and makes it where it is not there.
   *
   * @throws {CameraError} NOT_ALLOWED when it lies, by name or through a link, in none of them
   */
  open(outputDir: string): Promise<OutputFolder>;
}

export interface OutputFolder {
  readonly budget: Budget;
  /** A new folder for unfinished files, on the same file system; `discard` removes it and all in it. */
  scratch(): Promise<{ readonly path: string; discard(): Promise<void> }>;
  /** Gives a finished file its name; false when it is gone. @throws {CameraError} DISK_LIMIT */
  publish(path: string, format: string): Promise<boolean>;
}

const SCRATCH = ".capture-";
/** A folder of unfinished files in which nothing has happened for so long belongs to a process that died. */
const STALE_MS = 3_600_000;

export interface OutputDeps {
  readonly roots: readonly string[];
  readonly limits: BudgetLimits;
  readonly nowMs: () => number;
}

export function createOutputs({ roots, limits, nowMs }: OutputDeps): Outputs {
  const budgets = new Map<string, Budget>();
  const nextName = createNames(nowMs);
  return {
    open: async (outputDir) => {
      const wanted = resolve(outputDir);
      const root = roots.map((given) => resolve(given)).find((given) => isInside(given, wanted));
      if (root === undefined) throw notAllowed(outputDir, "lies in no folder that this mapper may write to");
      const real = await makeFolder(root, wanted);
      const budget = budgets.get(root) ?? createBudget(await realpath(root), limits);
      budgets.set(root, budget);
      await removeStale(real, nowMs());
      return {
        budget,
        scratch: () => makeScratch(real),
        publish: async (path, format) => {
          const found = await stat(path).catch(() => undefined);
          if (!found) return false;
          budget.take(found.size);
          await moveNew(path, () => join(real, nextName(format)));
          return true;
        },
      };
    },
  };
}

const notAllowed = (path: string, why: string): CameraError =>
  new CameraError("NOT_ALLOWED", `${path} ${why}`);

/** The root is the operator's: it must be a true folder. Below it, each step is made or looked at: no links. */
async function makeFolder(root: string, wanted: string): Promise<string> {
  await mkdir(root, { recursive: true });
  let path = root;
  for (const step of ["", ...relative(root, wanted).split(sep)]) {
    if (step !== "") {
      path = join(path, step);
      await mkdir(path).catch(ignoreExisting);
    }
    if (!(await lstat(path)).isDirectory()) throw notAllowed(path, "is a link or no folder");
  }
  const real = await realpath(path);
  if (!isInside(await realpath(root), real)) throw notAllowed(wanted, "leads out of the allowed folder");
  return real;
}

function ignoreExisting(error: unknown): void {
  if (!isCode(error, "EEXIST")) throw error;
}

const isCode = (error: unknown, code: string): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === code;

async function makeScratch(folder: string): Promise<{ path: string; discard(): Promise<void> }> {
  const path = await mkdtemp(join(folder, SCRATCH));
  return { path, discard: () => rm(path, { recursive: true, force: true }) };
}

async function removeStale(folder: string, nowMs: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.startsWith(SCRATCH) && nowMs - (await lastChangeMs(path)) > STALE_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

async function lastChangeMs(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const times = [folder, ...names.map((name) => join(folder, name))].map(async (path) => {
    return (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
  });
  return Math.max(...(await Promise.all(times)));
}

/** Never over a file that is there: one that has the name already is another's. */
async function moveNew(from: string, nextPath: () => string): Promise<void> {
  for (let attempt = 0; attempt < MAX_NAMES; attempt++) {
    const to = nextPath();
    try {
      await link(from, to);
      await unlink(from);
      return;
    } catch (error) {
      if (isCode(error, "EEXIST")) continue;
      // File systems without hard links.
      if (!isCode(error, "EPERM") && !isCode(error, "ENOTSUP")) throw error;
      await rename(from, to);
      return;
    }
  }
  throw new CameraError("NOT_ALLOWED", "every name for a picture is taken");
}

const MAX_NAMES = 16;

/**
 * Names as KubeEdge's: `f`, the time with nanoseconds, the format. The time's last six digits only count, so that two
 * files of one millisecond have two names, in the order in which they were made.
 */
export function createNames(nowMs: () => number): (format: string) => string {
  let last = 0;
  let count = 0;
  return (format) => {
    const now = Math.max(nowMs(), last);
    count = now === last ? count + 1 : 0;
    last = now;
    return `f${new Date(now).toISOString().slice(0, -1)}${String(count).padStart(6, "0")}Z.${format}`;
  };
}
