// SPDX-License-Identifier: Apache-2.0
import { LogFolder, type LogFile } from "./folder.ts";
import { beginAt, goOnTo, newerThan, type Place, type Rotated } from "./rotation.ts";
import { tailStart } from "./tail.ts";

interface Successor {
  readonly file: LogFile;
  readonly place: Place;
}

/**
 * The files that one run's log is made of, read one after the other. The file that is read stays open, so that
 * nothing is lost when it is renamed or removed, and its number stays taken, so that no other is mistaken for it.
 */
export class LogFiles {
  readonly #folder: LogFolder;
  #file: LogFile;
  #place: Place;
  #position = 0;
  #next: Successor | undefined;

  private constructor(folder: LogFolder, file: LogFile, place: Place) {
    this.#folder = folder;
    this.#file = file;
    this.#place = place;
  }

  /**
   * Begins with the file that is being written: the one with the log's name, or, while that is being moved aside,
   * the one that had it last.
   *
   * @returns undefined when there is none
   * @throws {StreamError} FORBIDDEN when the log is not what the runtime put there
   */
  static async open(root: string, path: string): Promise<LogFiles | undefined> {
    const folder = await LogFolder.open(root, path);
    if (!folder) return undefined;
    let files: LogFiles | undefined;
    let current: LogFile | undefined;
    try {
      current = await folder.openFile(folder.log);
      const aside = await folder.aside();
      const last = aside.at(-1);
      const file = current ?? (last && (await folder.openFile(last.name)));
      if (file) files = new LogFiles(folder, file, beginAt(file.ino, aside));
      return files;
    } finally {
      if (!files) {
        await current?.handle.close();
        await folder.close();
      }
    }
  }

  /** The folder, for whoever watches it. */
  get path(): string {
    return this.#folder.path;
  }

  /** Whether a file of the folder belongs to this log. */
  isMine(name: string): boolean {
    return name.startsWith(this.#folder.log);
  }

  /** Something was written after the file that is being read. */
  get hasNext(): boolean {
    return this.#next !== undefined;
  }

  /** Goes to the last lines of the file. */
  async skipToTail(lines: number, blockBytes: number, isGivenUp: () => boolean): Promise<void> {
    this.#position = await tailStart(this.#file.handle, lines, blockBytes, isGivenUp);
  }

  /** @returns how many bytes there were; 0 at the end of this file */
  async read(buffer: Buffer): Promise<number> {
    const { bytesRead } = await this.#file.handle.read(buffer, 0, buffer.length, this.#position);
    this.#position += bytesRead;
    return bytesRead;
  }

  /** Begins anew in a file that somebody has emptied. @returns true when that was so */
  async rewindIfCut(): Promise<boolean> {
    const { size } = await this.#file.handle.stat();
    if (size >= this.#position) return false;
    this.#position = 0;
    return true;
  }

  /**
   * Looks for the file that was written after this one. It is opened at once, for it may be removed soon.
   *
   * @param onGap the file that is being read was removed: others may have been, unread
   */
  async findNext(onGap: () => void): Promise<boolean> {
    if (this.#next) return true;
    if ((await this.#folder.currentIno()) === this.#place.ino) return false;
    // Opened before the folder is read: what was moved aside before this one was there is then seen.
    const current = await this.#folder.openFile(this.#folder.log);
    try {
      const aside = await this.#folder.aside();
      const file = await this.#after(aside, current, onGap);
      if (!file) return false;
      if (!aside.some((each) => each.ino === this.#place.ino)) onGap();
      this.#next = { file, place: goOnTo(file.ino, this.#place, aside) };
      return true;
    } finally {
      if (current && this.#next?.file !== current) await current.handle.close();
    }
  }

  /** Goes on to what `findNext` has found. */
  async goOn(): Promise<void> {
    if (!this.#next) return;
    const left = this.#file;
    ({ file: this.#file, place: this.#place } = this.#next);
    this.#next = undefined;
    this.#position = 0;
    await left.handle.close();
  }

  async close(): Promise<void> {
    await this.#file.handle.close();
    await this.#next?.file.handle.close();
    await this.#folder.close();
  }

  /** The oldest file that is newer than the one that is read. */
  async #after(
    aside: readonly Rotated[],
    current: LogFile | undefined,
    onGap: () => void,
  ): Promise<LogFile | undefined> {
    for (const { name, ino } of newerThan(this.#place, aside)) {
      const file = await this.#folder.openFile(name);
      if (file?.ino === ino) return file;
      // It was removed since, or another has its name.
      await file?.handle.close();
      onGap();
    }
    return current?.ino === this.#place.ino ? undefined : current;
  }
}
