// SPDX-License-Identifier: Apache-2.0
import { open, realpath } from "node:fs/promises";
import { isInside } from "./inside.ts";

export type SecretErrorCode =
  /** the path is in none of the folders that may hold secrets */
  | "SECRET_OUTSIDE"
  /** it is not there, no file, too long, or not ours to read */
  | "SECRET_UNREADABLE";

/** A secret cannot be had. The message tells the path and never the content. */
export class SecretError extends Error {
  override readonly name = "SecretError";
  readonly code: SecretErrorCode;
  constructor(code: SecretErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Where the files lie that a Device may name: what KubeEdge's samples use, and what Secrets are mounted as. */
export const DEFAULT_SECRET_FOLDERS: readonly string[] = ["/etc/secret", "/ca", "/run/secrets"];

const MAX_SECRET_BYTES = 64 * 1024;

/**
 * Reads a file that a Device names: a password, a key, a certificate. Only files in one of `folders` are read, links
 * resolved, so that who may edit Devices cannot send any file of this machine to a server of theirs.
 *
 * @throws {SecretError}
 */
export async function readSecretFile(path: string, folders: readonly string[]): Promise<Buffer> {
  const real = await realpath(path).catch((cause: unknown) => {
    throw new SecretError("SECRET_UNREADABLE", `${path} is not there`, { cause });
  });
  if (!(await isInAny(real, folders))) {
    throw new SecretError("SECRET_OUTSIDE", `${path} is in none of the folders for secrets`);
  }
  return readBounded(real);
}

/** The text of such a file without the newline at its end. */
export async function readPasswordFile(path: string, folders: readonly string[]): Promise<string> {
  return (await readSecretFile(path, folders)).toString("utf8").replace(/\r?\n$/, "");
}

async function isInAny(real: string, folders: readonly string[]): Promise<boolean> {
  for (const folder of folders) {
    // A folder that is not there holds nothing.
    const root = await realpath(folder).catch(() => undefined);
    if (root !== undefined && isInside(root, real)) return true;
  }
  return false;
}

async function readBounded(path: string): Promise<Buffer> {
  try {
    const file = await open(path, "r");
    try {
      if (!(await file.stat()).isFile()) throw new Error("no file");
      const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_SECRET_BYTES + 1), 0);
      if (bytesRead > MAX_SECRET_BYTES) throw new Error("longer than a secret may be");
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new SecretError("SECRET_UNREADABLE", `${path} cannot be read`, { cause });
  }
}
