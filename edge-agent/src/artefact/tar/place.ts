// SPDX-License-Identifier: Apache-2.0
import { ArtefactFault } from "../errors.ts";
import type { TarEntry } from "./read.ts";

/** Where packages have the agent's files. */
export const PACKAGE_FOLDER = "opt/longshore/agent";

/** Where an entry of an image goes. */
export type Place =
  /** Not of the package, as what a base image brings. */
  | { readonly to: "nowhere" }
  | { readonly to: "folder"; readonly path: string }
  | { readonly to: "file"; readonly path: string };

const MAX_PATH_CHARS = 1_024;
/** Names of our own files; nothing that a file system, a terminal or a reader could take for another. */
const PACKAGE_PATH = /^[\w@+=,-][\w.@+=,-]*(\/[\w@+=,-][\w.@+=,-]*)*$/;

/**
 * Decides by name and kind alone, before anything is written.
 *
 * @throws {ArtefactFault} HOSTILE for a name that leads out of its folder, whatever it is, and within the package (or
 * on the way to it) for all that is neither a file nor a folder: links to write through, devices, whiteouts
 */
export function placeOf(entry: Pick<TarEntry, "name" | "kind">): Place {
  const path = plainPath(entry.name);
  if (isWayTo(path)) {
    if (entry.kind !== "folder") throw hostile(`${path} is not a folder in the archive`);
    return { to: "nowhere" };
  }
  const inside = path.startsWith(`${PACKAGE_FOLDER}/`) ? path.slice(PACKAGE_FOLDER.length + 1) : undefined;
  if (inside === undefined) {
    if (hidesPackage(path)) throw hostile("the archive takes away what another layer brings");
    return { to: "nowhere" };
  }
  if (!PACKAGE_PATH.test(inside)) throw hostile("the archive holds a file with a strange name");
  if (entry.kind !== "file" && entry.kind !== "folder")
    throw hostile(`${inside} is a ${entry.kind} in the archive`);
  return { to: entry.kind, path: inside };
}

/** @throws {ArtefactFault} HOSTILE for absolute names, `..`, backslashes, drives and what is no text */
function plainPath(name: string): string {
  const path = name.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
  const isOdd =
    name.startsWith("/") ||
    name.length > MAX_PATH_CHARS ||
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\\\x00-\x1f\x7f\ufffd]|^[A-Za-z]:/.test(name) ||
    path.split("/").some((part) => part === ".." || (part === "" && path !== ""));
  if (isOdd) throw hostile("the archive holds a name that leads out of its folder");
  return path === "." ? "" : path;
}

const isWayTo = (path: string): boolean => path === "" || `${PACKAGE_FOLDER}/`.startsWith(`${path}/`);

/** A whiteout (OCI image layers: `.wh.<name>`, `.wh..wh..opq`) beside the package or on the way to it. */
function hidesPackage(path: string): boolean {
  const cut = path.lastIndexOf("/") + 1;
  return path.slice(cut).startsWith(".wh.") && isWayTo(path.slice(0, cut).replace(/\/$/, ""));
}

const hostile = (message: string): ArtefactFault => new ArtefactFault("HOSTILE", message);
