// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import type { Disk } from "./disk.ts";
import { replaceFile, sha256 } from "./durable.ts";

/** What a folder with an agent holds: `manifest.json`, written when all else in it is durable. */
export interface Manifest {
  /** Such as `v1.23.0` */
  readonly version: string;
  /** Of the image that it came in; "" for one that did not come in an image */
  readonly digest: string;
  /** SHA-256 of each file by its path in the folder. Absent: nobody knows. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Of an agent that was put there by hand. */
export const UNKNOWN_VERSION = "unknown";

export const MANIFEST = "manifest.json";
/** Files of one agent: a program and its parts. */
const MAX_FILES = 4_096;
const MAX_DEPTH = 16;
const MAX_MANIFEST_BYTES = 2 * 1024 * 1024;
/** Also the name of the backup's folder. */
const VERSION = /^(?!\.)[\w.+-]{1,128}$/;

/** @returns undefined where there is none, or none that can be read */
export function readManifest(disk: Disk, folder: string): Manifest | undefined {
  const path = join(folder, MANIFEST);
  const entry = disk.entry(path);
  if (entry?.kind !== "file" || entry.bytes > MAX_MANIFEST_BYTES) return undefined;
  const value = parse(disk.readFile(path));
  return isManifest(value) ? value : undefined;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch {
    return undefined; // a folder without a manifest is not used
  }
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== "object" || value === null) return false;
  const { version, digest, files = {} }: { [K in keyof Manifest]?: unknown } = value;
  if (typeof version !== "string" || !VERSION.test(version) || typeof digest !== "string") return false;
  return (
    typeof files === "object" &&
    files !== null &&
    Object.values(files).every((sum) => typeof sum === "string")
  );
}

/** What is wrong with a folder that should hold an agent. For people. */
export class FolderError extends Error {
  override readonly name = "FolderError";
  readonly code = "AGENT_FOLDER";
  readonly retryable = false;
}

/**
 * Makes all that is in the folder durable and an ES module, then writes its manifest. Lets others run between files.
 *
 * @throws {FolderError} it holds something that is neither a file nor a folder, or too much
 */
export async function sealFolder(
  disk: Disk,
  folder: string,
  { version, digest }: Pick<Manifest, "version" | "digest">,
): Promise<Manifest> {
  if (!VERSION.test(version)) throw new FolderError(`${JSON.stringify(version)} is no version`);
  // Node reads a program twice that nothing says to be a module.
  const kind = join(folder, "package.json");
  if (!disk.entry(kind)) disk.writeFile(kind, Buffer.from('{"type":"module"}\n'), 0o644);
  const tree = walk(disk, folder);
  const files: Record<string, string> = {};
  for (const path of tree.files) {
    disk.sync(join(folder, path));
    files[path] = sha256(disk.readFile(join(folder, path)));
    await turn();
  }
  for (const path of tree.folders) disk.sync(join(folder, path));
  const manifest: Manifest = { version, digest, files };
  replaceFile(disk, join(folder, MANIFEST), Buffer.from(JSON.stringify(manifest)), 0o644);
  return manifest;
}

/** @returns what is not as the manifest says, for people */
export async function folderFault(
  disk: Disk,
  folder: string,
  { files = {} }: Manifest,
): Promise<string | undefined> {
  const found = disk.entry(folder) ? walk(disk, folder).files : [];
  const wanted = Object.keys(files);
  const missing = wanted.find((path) => !found.includes(path));
  if (missing !== undefined) return `${missing} is missing`;
  const foreign = found.find((path) => !Object.hasOwn(files, path));
  if (foreign !== undefined) return `${foreign} does not belong there`;
  for (const path of wanted) {
    if (sha256(disk.readFile(join(folder, path))) !== files[path]) return `${path} was changed`;
    await turn();
  }
  return undefined;
}

/** Bytes of all files below. */
export const folderBytes = (disk: Disk, folder: string): number =>
  walk(disk, folder).files.reduce((sum, path) => sum + (disk.entry(join(folder, path))?.bytes ?? 0), 0);

/** Lets what waits run: hashing and syncing hold up everything else. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

interface Tree {
  readonly files: string[];
  /** Deepest first, "" is the folder itself. */
  readonly folders: string[];
}

/** Everything below but the manifest. */
function walk(disk: Disk, root: string): Tree {
  const tree: Tree = { files: [], folders: [] };
  visit(disk, root, "", tree);
  return tree;
}

function visit(disk: Disk, root: string, at: string, tree: Tree): void {
  if (at.split("/").length > MAX_DEPTH) throw new FolderError(`${at} is too deep`);
  for (const name of disk.list(join(root, at))) {
    const path = at === "" ? name : `${at}/${name}`;
    if (path === MANIFEST || path === `${MANIFEST}.next`) continue;
    const kind = disk.entry(join(root, path))?.kind;
    if (kind === "folder") visit(disk, root, path, tree);
    else if (kind === "file") tree.files.push(path);
    else throw new FolderError(`${path} is neither a file nor a folder`);
    if (tree.files.length > MAX_FILES) throw new FolderError(`it holds more than ${MAX_FILES} files`);
  }
  tree.folders.push(at);
}
