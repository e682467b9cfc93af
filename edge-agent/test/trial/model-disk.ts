// SPDX-License-Identifier: Apache-2.0
import { dirname, join } from "node:path";
import type { Disk, Entry } from "../../src/trial/index.ts";

/** The power went. */
export class PowerCut extends Error {}

interface Inode {
  readonly kind: "file" | "folder" | "link";
  readonly mode: number;
  data: Buffer;
  /** What of it is on the plate. */
  durable: Buffer;
}

type Names = Map<string, Inode>;

/** What of the unsynced survives a cut: so many of the renames and the like, in their order, and of bytes which. */
export interface Survival {
  readonly names: "none" | "half" | "all";
  readonly bytes: "none" | "half" | "all";
}

export const SURVIVALS: readonly Survival[] = [
  { names: "none", bytes: "none" },
  { names: "half", bytes: "none" },
  { names: "all", bytes: "none" },
  { names: "all", bytes: "half" },
  { names: "all", bytes: "all" },
];

/**
 * A disk that forgets what was not synced, as a journalling file system does: names survive in the order in which they
 * were changed, bytes survive or not.
 */
export class ModelDisk implements Disk {
  steps = 0;
  cutAt = Infinity;
  readonly #names: Names;
  #kept: Names;
  #pending: { readonly folders: readonly string[]; readonly apply: (names: Names) => void }[] = [];

  constructor(names: Names = new Map()) {
    this.#names = names;
    this.#kept = new Map(names);
    if (names.size === 0) {
      names.set("/", folder(0o755));
      this.#kept.set("/", folder(0o755));
    }
  }

  /** One step that may be the one at which the power goes. */
  step(): void {
    if (this.steps++ >= this.cutAt) throw new PowerCut(`after ${this.cutAt} steps`);
  }

  /** What the machine finds when the power is back. */
  afterCut({ names, bytes }: Survival): ModelDisk {
    const share = { none: 0, half: 0.5, all: 1 };
    const survived = new Map(this.#kept);
    const count = Math.ceil(this.#pending.length * share[names]);
    for (const { apply } of this.#pending.slice(0, count)) apply(survived);
    for (const [path, inode] of survived) {
      const { data, durable } = inode;
      const left = data.equals(durable)
        ? durable
        : bytes === "none"
          ? durable
          : data.subarray(0, Math.ceil(data.length * share[bytes]));
      survived.set(path, { ...inode, data: left, durable: left });
    }
    return new ModelDisk(survived);
  }

  /** All at once and durable: what SQLite does, and what was there before. */
  commit(path: string, text: string): void {
    this.step();
    const data = Buffer.from(text);
    const inode: Inode = { kind: "file", mode: 0o600, data, durable: data };
    this.#names.set(path, inode);
    this.#kept.set(path, inode);
  }

  text(path: string): string {
    return this.readFile(path).toString("utf8");
  }

  entry(path: string): Entry | undefined {
    const inode = this.#names.get(path);
    return inode && { kind: inode.kind, bytes: inode.data.length, mode: inode.mode, changedMs: 0 };
  }
  readFile(path: string): Buffer {
    const inode = this.#names.get(path);
    if (inode?.kind !== "file") throw new Error(`ENOENT ${path}`);
    return inode.data;
  }
  readLink(path: string): string {
    return this.#names.get(path)?.data.toString("utf8") ?? "";
  }
  list(at: string): string[] {
    const start = at === "/" ? "/" : `${at}/`;
    return [...this.#names.keys()]
      .filter((path) => path.startsWith(start) && path !== at && !path.slice(start.length).includes("/"))
      .map((path) => path.slice(start.length));
  }
  freeBytes(): number {
    return 1024 ** 3;
  }
  writeFile(path: string, bytes: Uint8Array, mode: number): void {
    this.step();
    this.#need(dirname(path));
    const old = this.#names.get(path);
    if (old) old.data = Buffer.alloc(0);
    const inode = old ?? { kind: "file", mode, data: Buffer.alloc(0), durable: Buffer.alloc(0) };
    if (!old) this.#change([dirname(path)], (names) => names.set(path, inode));
    this.step();
    inode.data = Buffer.from(bytes);
  }
  symlink(target: string, path: string): void {
    this.step();
    if (this.#names.has(path)) throw new Error(`EEXIST ${path}`);
    const data = Buffer.from(target);
    this.#change([dirname(path)], (names) =>
      names.set(path, { kind: "link", mode: 0o777, data, durable: data }),
    );
  }
  rename(from: string, to: string): void {
    this.step();
    this.#need(from);
    this.#need(dirname(to));
    if (this.#names.get(to)?.kind === "folder" && this.list(to).length > 0)
      throw new Error(`ENOTEMPTY ${to}`);
    this.#change([dirname(from), dirname(to)], (names) => move(names, from, to));
  }
  makeFolder(path: string, mode: number): void {
    this.step();
    this.#need(dirname(path));
    this.#change([dirname(path)], (names) => names.set(path, folder(mode)));
  }
  removeFile(path: string): void {
    this.step();
    this.#need(path);
    this.#change([dirname(path)], (names) => names.delete(path));
  }
  removeFolder(path: string): void {
    this.step();
    if (this.list(path).length > 0) throw new Error(`ENOTEMPTY ${path}`);
    this.#change([dirname(path)], (names) => names.delete(path));
  }
  sync(path: string): void {
    this.step();
    const inode = this.#names.get(path);
    if (inode === undefined) throw new Error(`ENOENT ${path}`);
    if (inode.kind === "file") inode.durable = inode.data;
    else this.#commitUpTo(this.#pending.findLastIndex(({ folders }) => folders.includes(path)));
  }

  #need(path: string): void {
    if (!this.#names.has(path)) throw new Error(`ENOENT ${path}`);
  }
  #change(folders: readonly string[], apply: (names: Names) => void): void {
    apply(this.#names);
    this.#pending.push({ folders, apply });
  }
  #commitUpTo(last: number): void {
    for (const { apply } of this.#pending.splice(0, last + 1)) apply(this.#kept);
  }
}

const folder = (mode: number): Inode => ({
  kind: "folder",
  mode,
  data: Buffer.alloc(0),
  durable: Buffer.alloc(0),
});

function move(names: Names, from: string, to: string): void {
  for (const [path, inode] of [...names]) {
    if (path !== from && !path.startsWith(`${from}/`)) continue;
    names.delete(path);
    names.set(join(to, path.slice(from.length)), inode);
  }
}
