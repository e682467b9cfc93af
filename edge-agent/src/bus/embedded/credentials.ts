// SPDX-License-Identifier: Apache-2.0
import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { grantsOf, type Grants } from "./acl.ts";

/** One user of the agent's own broker. */
export interface Credential {
  readonly user: string;
  /** `scrypt$N$r$p$salt$key`, salt and key in base64 */
  readonly hash: string;
  readonly grants: Grants;
}

/** The file of users is not as it must be. The message names a line, never what is in it. */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
  readonly code = "CREDENTIALS";
}

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_USERS = 10_000;
const USER = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/;
const HASH =
  /^scrypt\$(\d{4,6})\$(\d{1,2})\$(\d)\$([A-Za-z0-9+/]{16,88}={0,2})\$([A-Za-z0-9+/]{40,88}={0,2})$/;
const COST = { N: 16_384, r: 8, p: 1 };
const MAX_N = 131_072;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/**
 * Lines `user:hash:grants`; empty ones and those that begin with `#` are passed over.
 *
 * @throws {CredentialsError}
 */
export function parseCredentials(text: string, node: string): ReadonlyMap<string, Credential> {
  const users = new Map<string, Credential>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const credential = parseLine(line, i + 1, node);
    if (users.has(credential.user)) throw fault(i + 1, "the user has a line already");
    users.set(credential.user, credential);
  }
  if (users.size > MAX_USERS) throw new CredentialsError(`more than ${MAX_USERS} users`);
  return users;
}

const fault = (line: number, what: string): CredentialsError => new CredentialsError(`line ${line}: ${what}`);

function parseLine(line: string, number: number, node: string): Credential {
  const [, user = "", hash = "", words = ""] = /^([^:]*):([^:]*):(.*)$/.exec(line) ?? [];
  if (!USER.test(user))
    throw fault(number, "must be user:hash:grants, the user of letters, digits and . _ @ -");
  if (readHash(hash) === undefined) throw fault(number, "the hash must be scrypt$N$r$p$salt$key");
  const grants = grantsOf(
    words.split(/\s+/).filter((word) => word !== ""),
    node,
  );
  if (typeof grants === "string") throw fault(number, grants);
  return { user, hash, grants };
}

function readHash(hash: string): { cost: ScryptOptions; salt: Buffer; key: Buffer } | undefined {
  const match = HASH.exec(hash);
  if (match === null) return undefined;
  const [, n, r, p, salt = "", key = ""] = match;
  const [N, blocks, parallel] = [Number(n), Number(r), Number(p)];
  if (!isBearable(N, blocks, parallel)) return undefined;
  const cost = { N, r: blocks, p: parallel, maxmem: 256 * N * blocks };
  return { cost, salt: Buffer.from(salt, "base64"), key: Buffer.from(key, "base64") };
}

/** Costs that one line of a file may ask for: a power of two, and 256 MiB at most. */
const isBearable = (N: number, r: number, p: number): boolean =>
  N >= 1_024 && N <= MAX_N && (N & (N - 1)) === 0 && r >= 1 && r <= 16 && p >= 1 && p <= 4;

/**
 * Reads the users; the file must be its owner's alone.
 *
 * @throws {CredentialsError} missing, readable by others, too large, malformed
 */
export function readCredentials(path: string, node: string): ReadonlyMap<string, Credential> {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new CredentialsError("is not a regular file");
    if ((stat.mode & 0o077) !== 0) throw new CredentialsError("can be read by others: run chmod 600");
    if (stat.size > MAX_FILE_BYTES) throw new CredentialsError("is too large");
    return parseCredentials(readFileSync(fd, "utf8"), node);
  } catch (error) {
    if (error instanceof CredentialsError) throw error;
    throw new CredentialsError("cannot be read", { cause: error });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

const derive = (password: Buffer, salt: Buffer, length: number, cost: ScryptOptions): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    scrypt(password, salt, length, cost, (error, key) => (error === null ? resolve(key) : reject(error)));
  });

/** The hash of a password, as the file has it: with a salt of its own, 16 MiB and about 50 ms a guess. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(Buffer.from(password), salt, KEY_BYTES, COST);
  return `scrypt$${COST.N}$${COST.r}$${COST.p}$${salt.toString("base64")}$${key.toString("base64")}`;
}

/** A hash that no password has: an unknown user costs as much as a known one. */
const NOBODY = `scrypt$${COST.N}$${COST.r}$${COST.p}$${Buffer.alloc(SALT_BYTES).toString("base64")}$${Buffer.alloc(KEY_BYTES).toString("base64")}`;

/** Whether the password is the one of the hash; without a hash it is not, and takes as long to say so. */
export async function isPassword(hash: string | undefined, password: Buffer): Promise<boolean> {
  const parts = readHash(hash ?? NOBODY);
  if (parts === undefined) return false;
  const key = await derive(password, parts.salt, parts.key.length, parts.cost);
  return timingSafeEqual(key, parts.key) && hash !== undefined;
}
