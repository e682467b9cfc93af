// SPDX-License-Identifier: Apache-2.0
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CameraError } from "./errors.ts";

export interface BudgetLimits {
  readonly maxFiles: number;
  readonly maxBytes: number;
}

/** What a folder, with all below it, may hold. */
export interface Budget {
  /** Counts again what is there, so that what others removed is free. @throws {CameraError} DISK_LIMIT */
  measure(): Promise<void>;
  /** @throws {CameraError} DISK_LIMIT when one more file of this size is too much */
  take(bytes: number): void;
  freeBytes(): number;
  /** DISK_LIMIT, with what is there. */
  readonly full: () => CameraError;
}

export function createBudget(root: string, { maxFiles, maxBytes }: BudgetLimits): Budget {
  let files = 0;
  let bytes = 0;
  const full = (): CameraError =>
    new CameraError("DISK_LIMIT", `${root} holds ${files} files of ${bytes} bytes: no more is allowed`);
  return {
    full,
    measure: async () => {
      ({ files, bytes } = await usageOf(root, maxFiles));
      if (files >= maxFiles || bytes >= maxBytes) throw full();
    },
    take: (size) => {
      if (files + 1 > maxFiles || bytes + size > maxBytes) throw full();
      files++;
      bytes += size;
    },
    freeBytes: () => Math.max(0, maxBytes - bytes),
  };
}

/** Ends its count at `maxFiles`: what is beyond changes nothing. */
async function usageOf(root: string, maxFiles: number): Promise<{ files: number; bytes: number }> {
  const waiting = [root];
  const used = { files: 0, bytes: 0 };
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    // Folders and files may go away while they are counted.
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      if (!entry.isFile()) continue;
      used.bytes += await sizeOf(path);
      if (++used.files >= maxFiles) return used;
    }
  }
  return used;
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0;
