// SPDX-License-Identifier: Apache-2.0
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from "node:fs";

/** Space kept back so that a full disk can still take deletions. */
export interface Reserve {
  /** Gives the space back to the file system. False when there was none to give. */
  release(): boolean;
  /** Takes the space again when the file system has it. */
  refill(): void;
}

const CHUNK = Buffer.alloc(256 * 1024, 0xa5);

/** @param bytes size of the reserve; 0 turns it off */
export function createReserve(path: string, bytes: number): Reserve {
  const held = (): boolean => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= bytes;
  const refill = (): void => {
    if (bytes === 0 || held()) return;
    const file = openSync(path, "w", 0o600);
    try {
      for (let written = 0; written < bytes;) written += writeSync(file, CHUNK);
      fsyncSync(file);
    } catch {
      // No room now: keep none of it, the next refill tries again.
      rmSync(path, { force: true });
    } finally {
      closeSync(file);
    }
  };
  const release = (): boolean => {
    if (bytes === 0 || !held()) return false;
    rmSync(path, { force: true });
    return true;
  };
  return { release, refill };
}
