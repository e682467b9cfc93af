// SPDX-License-Identifier: Apache-2.0
import { isAbsolute, relative, sep } from "node:path";

/** Whether an absolute path is a folder or something below it. Pure: says nothing about links. */
export function isInside(folder: string, path: string): boolean {
  if (!isAbsolute(folder) || !isAbsolute(path)) return false;
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
