// SPDX-License-Identifier: Apache-2.0
import { constants } from "node:fs";
import { lstat, open, readdir, realpath, type FileHandle } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { StreamError } from "@longshore/crds/stream";
import { rotatedNames, type Rotated } from "./rotation.ts";

/** A file of the log that is open. */
export interface LogFile {
  readonly handle: FileHandle;
  readonly ino: bigint;
}

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
// A pipe that somebody put there must not hold the agent until it has a writer.
const FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

function escaped(name: string, cause?: unknown): StreamError {
  return new StreamError("FORBIDDEN", `"${name}" in the log folder is not what the runtime put there`, {
    cause,
  });
}

/** `at` is relative to a folder that is open, whatever its path has become since. */
const within = (folder: FileHandle, name: string): string => `/proc/self/fd/${folder.fd}/${name}`;

/** Opens without following a link. @returns undefined when there is none @throws {StreamError} FORBIDDEN for a link */
async function openPlain(path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return undefined;
    if (code === "ELOOP" || code === "ENOTDIR" || code === "ENXIO") throw escaped(basename(path), error);
    throw new StreamError("INTERNAL", `the log cannot be opened: ${code ?? "unknown"}`, { cause: error });
  }
}

/** Opens folder after folder, each within the one before, so that nobody can put a link in between. */
async function descend(root: string, names: readonly string[]): Promise<FileHandle | undefined> {
  let folder = await openPlain(root, FOLDER);
  for (const name of names) {
    const parent = folder;
    if (!parent) return undefined;
    try {
      folder = await openPlain(within(parent, name), FOLDER);
    } finally {
      await parent.close();
    }
  }
  return folder;
}

/** The folder of one container's logs. Nothing that it opens is outside of it, or anything but a file. */
export class LogFolder {
  readonly #folder: FileHandle;
  /** name of the log that is being written */
  readonly log: string;

  private constructor(folder: FileHandle, log: string) {
    this.#folder = folder;
    this.log = log;
  }

  /**
   * @param root `/var/log/pods`; may itself be a link, for that is the administrator's choice
   * @param path `<pod>/<container>/<attempt>.log`
   * @returns undefined when the folder is not there
   * @throws {StreamError} FORBIDDEN when a part of the path is a link
   */
  static async open(root: string, path: string): Promise<LogFolder | undefined> {
    const real = await realpath(root).catch(() => undefined);
    const folder = real === undefined ? undefined : await descend(real, dirname(path).split("/"));
    return folder && new LogFolder(folder, basename(path));
  }

  /** For whoever watches it. */
  get path(): string {
    return within(this.#folder, ".");
  }

  /** @returns undefined when there is none @throws {StreamError} FORBIDDEN when it is no plain file */
  async openFile(name: string): Promise<LogFile | undefined> {
    const handle = await openPlain(within(this.#folder, name), FILE);
    if (!handle) return undefined;
    try {
      const info = await handle.stat({ bigint: true });
      if (!info.isFile()) throw escaped(name);
      return { handle, ino: info.ino };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** What was moved aside of this log, oldest first. */
  async aside(): Promise<readonly Rotated[]> {
    const files: Rotated[] = [];
    for (const name of rotatedNames(await readdir(this.path), this.log)) {
      const info = await lstat(within(this.#folder, name), { bigint: true }).catch(() => undefined);
      if (info?.isFile() === true) files.push({ name, ino: info.ino });
    }
    return files;
  }

  /** Number of the file that has the log's name now. */
  async currentIno(): Promise<bigint | undefined> {
    return (await lstat(within(this.#folder, this.log), { bigint: true }).catch(() => undefined))?.ino;
  }

  close(): Promise<void> {
    return this.#folder.close();
  }
}
