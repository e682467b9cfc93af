// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import type { MapperTokens } from "./port.ts";

/** A mapper's name is the name of its file. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const TOKEN_BYTES = 32;
/** Of a file; a token is far shorter. */
const MAX_FILE_BYTES = 1_024;
const MIN_TOKEN_CHARS = 16;
/** The folder is read again at most this often. */
const READ_EVERY_MS = 1_000;

/** Tokens are looked up by digest, so that the time that it takes says nothing about them. */
const digestOf = (token: string): string => createHash("sha256").update(token).digest("base64");

function readToken(file: string): string | undefined {
  let handle: number | undefined;
  try {
    handle = openSync(file, "r");
    const bytes = Buffer.alloc(MAX_FILE_BYTES);
    const token = bytes.subarray(0, readSync(handle, bytes)).toString("latin1").trim();
    return token.length < MIN_TOKEN_CHARS ? undefined : token;
  } catch {
    return undefined; // removed meanwhile, or a folder
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function readFolder(folder: string, max: number): Map<string, string> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = readdirSync(folder).filter((name) => FILE_NAME.test(name));
  const found = files.slice(0, max).flatMap((name): [string, string][] => {
    const token = readToken(join(folder, name));
    return token === undefined ? [] : [[digestOf(token), name]];
  });
  return new Map(found);
}

/** Of a disk that was full, or of a power cut. */
function removeEmpty(file: string): void {
  const info = lstatSync(file, { throwIfNoEntry: false });
  if (info?.isFile() === true && info.size === 0) rmSync(file);
}

/** Whole or not at all: written under a name that is nobody's, and then linked. */
function makeToken(folder: string, name: string): string {
  const file = join(folder, name);
  const draft = join(folder, `.${name}.new`);
  try {
    removeEmpty(file);
    rmSync(draft, { force: true });
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    writeFileSync(draft, `${token}\n`, { mode: 0o600, flag: "wx", flush: true });
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return file;
}

/** Where the tokens are. */
export interface MapperTokenOptions {
  readonly folder: string;
  /** files that are read, and made */
  readonly max: number;
}

/**
 * The tokens of mappers, one file of each in a folder that is root's alone: `<folder>/<name of the mapper>`. Whoever
 * can read the file is the mapper; a file that is removed, or written anew, counts within a second. Where the folder
 * cannot be used nobody has a token.
 */
export function openMapperTokens(
  { folder, max }: MapperTokenOptions,
  { clock, log }: { readonly clock: Clock; readonly log: AgentLog },
): MapperTokens {
  let names = new Map<string, string>();
  let readMs = -Infinity;
  let hasFailed = false;
  const attempt = <T>(action: () => T): T | undefined => {
    try {
      const result = action();
      hasFailed = false;
      return result;
    } catch (err) {
      if (!hasFailed) log.error({ err, folder }, "tokens of mappers cannot be used");
      hasFailed = true;
      return undefined;
    }
  };
  const read = (): void => {
    if (clock.monotonicMs() - readMs < READ_EVERY_MS) return;
    readMs = clock.monotonicMs();
    names = attempt(() => readFolder(folder, max)) ?? new Map<string, string>();
  };
  return {
    nameOf: (token) => {
      read();
      return names.get(digestOf(token));
    },
    offer: (name) => {
      read();
      if (!FILE_NAME.test(name) || names.size >= max) return undefined;
      readMs = -Infinity;
      return attempt(() => makeToken(folder, name));
    },
  };
}
