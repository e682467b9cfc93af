// SPDX-License-Identifier: Apache-2.0
import { StoreError, type StoreErrorCode } from "./port.ts";

/** Primary result codes of SQLite (sqlite.org/rescode.html) that mean more than "input or output failed". */
const CODES: ReadonlyMap<number, StoreErrorCode> = new Map([
  [5, "LOCKED"], // SQLITE_BUSY
  [6, "LOCKED"], // SQLITE_LOCKED
  [11, "CORRUPT"], // SQLITE_CORRUPT
  [13, "FULL"], // SQLITE_FULL
  [26, "CORRUPT"], // SQLITE_NOTADB
]);

/** Extended codes of an I/O error that a full disk causes where the write or the sync itself fails. */
function primaryCode(error: unknown): number {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code & 0xff : 0;
}

/** Turns what node:sqlite or node:fs threw into a StoreError; a StoreError stays as it is. */
export function asStoreError(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const errno = (error as { code?: unknown } | null)?.code;
  const code = errno === "ENOSPC" || errno === "EDQUOT" ? "FULL" : (CODES.get(primaryCode(error)) ?? "IO");
  return new StoreError(code, `${doing}: ${error instanceof Error ? error.message : "failed"}`, {
    cause: error,
  });
}
