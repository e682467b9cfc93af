// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { lstat, readdir, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FsUsage } from "../usage.ts";

// What is looked at may end at any time: a file that cannot be read is one that says nothing.

function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/**
 * Text of a file that the kernel makes up; undefined when it is not there. Behind it is no disk to wait for: read
 * at once it takes a quarter of the processor that threads would take to hand it over.
 */
export const textOf = (path: string): string | undefined => orNothing(() => readFileSync(path, "utf8"));

/** Names in a folder that the kernel makes up; undefined when it is not there. */
export const namesIn = (path: string): readonly string[] | undefined => orNothing(() => readdirSync(path));

/** Target of a link that the kernel makes up; undefined when there is none. */
export const linkAt = (path: string): string | undefined => orNothing(() => readlinkSync(path));

/** A whole non-negative number; undefined for anything else ("max" too). */
export function numberIn(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? "";
  return /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

/** Reads lines of `key value`, as the kernel writes counters. */
export function countersIn(text: string | undefined): ReadonlyMap<string, number> {
  const pairs = (text ?? "").split("\n").flatMap((line) => {
    const [key, value] = line.trim().split(/[\s:]+/, 2);
    const number = numberIn(value);
    return key === undefined || number === undefined ? [] : ([[key, number]] as const);
  });
  return new Map(pairs);
}

/** The filesystem that holds a folder, or will once it is made. */
export async function fsAt(path: string, atMs: number): Promise<FsUsage | undefined> {
  const found = await statfs(path).catch(() => undefined);
  if (found === undefined) return path === dirname(path) ? undefined : await fsAt(dirname(path), atMs);
  const { bsize, blocks, bfree, bavail, files, ffree } = found;
  return {
    atMs,
    capacityBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodes: files,
    inodesFree: ffree,
    inodesUsed: files - ffree,
  };
}

const MAX_FILES = 64;

/** Bytes of the files in one folder and their number, of the first 64: a container's logs are a handful. */
export async function filesIn(path: string): Promise<{ bytes: number; count: number } | undefined> {
  const names = await readdir(path).catch(() => undefined);
  if (names === undefined) return undefined;
  const sizes = await Promise.all(
    names.slice(0, MAX_FILES).map((name) =>
      lstat(join(path, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return { bytes: sizes.reduce((sum, size) => sum + size, 0), count: sizes.length };
}
