// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { MapperError } from "../errors.ts";

/** Longer is no token. */
const MAX_TOKEN_BYTES = 4 * 1024;
/** What a header may carry. */
const TOKEN = /^[\x21-\x7e]+$/;

/**
 * The token of a file, read anew each time, for the agent makes it when the mapper asks for the first time.
 *
 * @returns undefined while the file is not there
 * @throws {MapperError} TOKEN_UNREADABLE
 */
export function readToken(path: string): string | undefined {
  const text = read(path)?.trim();
  if (text === undefined) return undefined;
  if (TOKEN.test(text) && text.length <= MAX_TOKEN_BYTES) return text;
  throw new MapperError("TOKEN_UNREADABLE", `${path} holds no token`);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new MapperError("TOKEN_UNREADABLE", `${path} cannot be read`, { cause: error });
  }
}

const isMissing = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT";
