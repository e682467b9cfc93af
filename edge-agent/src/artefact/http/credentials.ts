// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { ArtefactFault } from "../errors.ts";
import { isRecord } from "../image/manifest.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

const MAX_FILE_BYTES = 1_048_576;

/**
 * The credentials of a registry in a file of Docker's form (`{"auths": {"host:port": {"auth": "…"}}}`).
 *
 * @throws {ArtefactFault} LOCAL when the file cannot be read, others can read it, or it is none
 */
export function readCredentials(file: string, host: string): Credentials | undefined {
  const entries = authsOf(readSecretFile(file), file);
  const found = Object.entries(entries).find(([key]) => hostOf(key) === hostOf(host))?.[1];
  return isRecord(found) ? credentialsOf(found) : undefined;
}

function credentialsOf({ auth, username, password }: Record<string, unknown>): Credentials | undefined {
  if (typeof username === "string" && typeof password === "string") return { username, password };
  if (typeof auth !== "string") return undefined;
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 1 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Keys are hosts, or URLs as Docker's own registry has one. */
function hostOf(key: string): string {
  const host = key
    .replace(/^https?:\/\//, "")
    .replace(/\/.*$/, "")
    .toLowerCase();
  return /^(index\.docker\.io|registry-1\.docker\.io)$/.test(host) ? "docker.io" : host;
}

function authsOf(text: string, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value) && isRecord(value["auths"])) return value["auths"];
  } catch {
    // told below, without a word of the file
  }
  throw new ArtefactFault("LOCAL", `${file} has no "auths" as Docker's configuration has`);
}

function readSecretFile(file: string): string {
  const fd = open(file);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_FILE_BYTES)
      throw new ArtefactFault("LOCAL", `${file} is no file of credentials`);
    if ((stat.mode & 0o077) !== 0)
      throw new ArtefactFault("LOCAL", `${file} can be read by others: run chmod 600 ${file}`);
    const buffer = Buffer.alloc(stat.size);
    return buffer.toString("utf8", 0, readSync(fd, buffer));
  } finally {
    closeSync(fd);
  }
}

function open(file: string): number {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new ArtefactFault("LOCAL", `${file} cannot be read`, error);
  }
}
