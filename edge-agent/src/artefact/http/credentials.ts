// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { ArtefactFault } from "../errors.ts";
import { holdsLogins, loginsFor } from "../../images/index.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

const MAX_FILE_BYTES = 1_048_576;

/**
 * The credentials of a repository in a file of Docker's form (`{"auths": {"host:port": {"auth": "…"}}}`), chosen as for
 * pods. Identity tokens are not used.
 *
 * @param image `host:port/repository`
 * @throws {ArtefactFault} LOCAL when the file cannot be read, others can read it, or it holds no logins
 */
export function readCredentials(file: string, image: string): Credentials | undefined {
  const text = Buffer.from(readSecretFile(file)).toString("base64");
  const secret = { data: { ".dockerconfigjson": text } };
  if (!holdsLogins(secret))
    throw new ArtefactFault("LOCAL", `${file} has no "auths" as Docker's config.json has`);
  const { username = "", password = "" } = loginsFor(image, [secret]).find((login) => login.username) ?? {};
  return username === "" ? undefined : { username, password };
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
