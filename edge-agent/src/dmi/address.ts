// SPDX-License-Identifier: Apache-2.0
import { lstatSync, realpathSync } from "node:fs";
import { dirname, normalize } from "node:path";
import { DmiFault, MapperError } from "./port.ts";

/** Linux takes 108 bytes with the closing zero. */
const MAX_PATH_BYTES = 107;

const invalid = (message: string): DmiFault => new DmiFault("INVALID_ARGUMENT", "address", message);

/** What is there is no socket that may be dialled; undefined when it is one, or when nothing is there yet. */
function objection(path: string): string | undefined {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined || info.isSocket()) return undefined;
  return info.isSymbolicLink() ? "the address is a symbolic link" : "the address is not a socket";
}

function checked(path: string): string | undefined {
  try {
    return objection(path);
  } catch {
    return "the address cannot be looked at"; // a part of the path is a file, or is closed to us
  }
}

/** By what the folders really are, so that no link leads out. */
function isWithin(path: string, folder: string): boolean {
  try {
    return `${realpathSync(dirname(path))}/`.startsWith(`${realpathSync(folder)}/`);
  } catch {
    return false;
  }
}

/**
 * Path of a mapper's socket from the bytes that it announced: `/path` or `unix:///path`. A mapper registers before
 * it listens, so that nothing there is fine; a file, a folder or a link is not.
 *
 * @param folder that the socket must be in, or in a folder of it; "" for anywhere
 * @throws {DmiFault} INVALID_ARGUMENT
 */
export function mapperAddress(bytes: Uint8Array, folder = ""): string {
  const path = plainPath(bytes);
  const wrong = checked(path);
  if (wrong !== undefined) throw invalid(`mapper.address: ${wrong}`);
  if (folder !== "" && !isWithin(path, folder))
    throw invalid(`mapper.address must be in the folder ${folder}`);
  return path;
}

/** @throws {DmiFault} */
function plainPath(bytes: Uint8Array): string {
  if (bytes.length === 0 || bytes.length > MAX_PATH_BYTES + "unix://".length)
    throw invalid("mapper.address must be the path of the mapper's socket, of at most 107 bytes");
  const text = Buffer.from(bytes).toString("utf8");
  const path = text.replace(/^unix:(\/\/(?=\/))?/, "");
  const isPlain = /^\/[\x21-\x7e]+$/.test(path) && normalize(path) === path && !path.endsWith("/");
  if (!isPlain || path.length > MAX_PATH_BYTES)
    throw invalid("mapper.address must be the absolute path of a unix socket, without . and ..");
  return path;
}

/** Looks again before each call, for the file may have been replaced. @throws {MapperError} ADDRESS */
export function checkMapperSocket(path: string, method: string): void {
  const wrong = checked(path);
  if (wrong !== undefined) throw new MapperError("ADDRESS", method, wrong);
}
