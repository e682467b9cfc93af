// SPDX-License-Identifier: Apache-2.0
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Payload } from "./payload.ts";

const DATA = "..data";
const NEXT = "..data_tmp";

/** Who may read the files. */
export interface Ownership {
  /** group that may read the files, from the pod's fsGroup */
  readonly fsGroup?: number | undefined;
}

async function currentDir(dir: string): Promise<string | undefined> {
  return readlink(join(dir, DATA)).catch(() => undefined);
}

async function filesBelow(dir: string, prefix = ""): Promise<string[]> {
  const entries = await readdir(join(dir, prefix), { withFileTypes: true });
  const nested = entries.map((e) =>
    e.isDirectory() ? filesBelow(dir, join(prefix, e.name)) : Promise.resolve([join(prefix, e.name)]),
  );
  return (await Promise.all(nested)).flat();
}

async function isSame(dir: string, payload: Payload, o: Ownership): Promise<boolean> {
  const names = await filesBelow(dir);
  if (names.length !== payload.size) return false;
  for (const name of names) {
    const want = payload.get(name);
    if (!want) return false;
    const [bytes, info] = await Promise.all([readFile(join(dir, name)), lstat(join(dir, name))]);
    if (!bytes.equals(want.bytes) || (info.mode & 0o7777) !== modeOf(want.mode, o)) return false;
  }
  return true;
}

const modeOf = (mode: number, o: Ownership): number => (o.fsGroup === undefined ? mode : mode | 0o440);

async function own(path: string, o: Ownership): Promise<void> {
  if (o.fsGroup !== undefined) await chown(path, -1, o.fsGroup);
}

async function writeAll(dir: string, payload: Payload, o: Ownership): Promise<void> {
  for (const [name, file] of payload) {
    const path = join(dir, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await writeFile(path, file.bytes);
    await own(path, o);
    await chmod(path, modeOf(file.mode, o));
  }
}

async function linkTops(dir: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map((name) => name.split("/")[0] ?? ""));
  for (const top of wanted) {
    const path = join(dir, top);
    const link = await readlink(path).catch(() => undefined);
    if (link === join(DATA, top)) continue;
    await rm(path, { recursive: true, force: true });
    await symlink(join(DATA, top), path);
  }
  const present = (await readdir(dir)).filter((name) => !name.startsWith(".."));
  for (const name of present) if (!wanted.has(name)) await rm(join(dir, name), { force: true });
}

async function removeOld(dir: string, keep: string): Promise<void> {
  const old = (await readdir(dir)).filter((n) => n.startsWith("..") && n !== keep && n !== DATA);
  for (const name of old) await rm(join(dir, name), { recursive: true, force: true });
}

/**
 * Puts a whole set of files in place at once: readers see the old set or the new one, never a mix. The
 * files live in a fresh folder, `..data` is switched to it by one rename, and the visible names point
 * through `..data`: the layout that programs which watch mounted ConfigMaps know.
 *
 * @returns false when everything was in place already
 */
export async function writeAtomically(dir: string, payload: Payload, o: Ownership = {}): Promise<boolean> {
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const before = await currentDir(dir);
  if (before !== undefined && (await isSame(join(dir, before), payload, o).catch(() => false))) {
    await linkTops(dir, payload);
    return false;
  }
  const fresh = await mkdtemp(
    join(dir, `..${new Date().toISOString().slice(0, 19).replace(/[-:T]/g, "_")}.`),
  );
  try {
    await chmod(fresh, 0o755);
    await writeAll(fresh, payload, o);
  } catch (error) {
    // It is tried again and again: what is half written must not pile up.
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
  const name = fresh.slice(dir.length + 1);
  await rm(join(dir, NEXT), { force: true });
  await symlink(name, join(dir, NEXT));
  await rename(join(dir, NEXT), join(dir, DATA));
  await linkTops(dir, payload);
  await removeOld(dir, name);
  return true;
}
