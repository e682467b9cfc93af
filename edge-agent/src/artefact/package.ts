// SPDX-License-Identifier: Apache-2.0
import { open } from "node:fs/promises";
import { join } from "node:path";
import { ArtefactFault } from "./errors.ts";
import { jsonOf } from "./image/manifest.ts";

/** Says in a package what it is. */
export const PACKAGE_MANIFEST = "manifest.json";
/** The program of a package. */
export const PACKAGE_PROGRAM = "edge-agent.js";
const MAX_BYTES = 65_536;
const VERSION_OF_NODE = /^v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})$/;

/**
 * Checks that an unpacked package is an agent of the version that was asked for and that this machine's Node runs it.
 *
 * @param nodeVersion such as `24.21.0`
 * @throws {ArtefactFault} CONTENT
 */
export async function checkPackage(folder: string, version: string, nodeVersion: string): Promise<void> {
  const manifest = jsonOf(await readSmall(join(folder, PACKAGE_MANIFEST)));
  const { version: found, node = "0.0.0" } = manifest;
  if (found !== version)
    throw new ArtefactFault("CONTENT", `the image holds version ${shown(found)}, not ${version}`);
  if (isOlder(nodeVersion, node))
    throw new ArtefactFault(
      "CONTENT",
      `version ${version} needs Node ${shown(node)} or newer, this is ${nodeVersion}`,
    );
  await readSmall(join(folder, PACKAGE_PROGRAM), 1);
}

const shown = (value: unknown): string => (typeof value === "string" ? value.slice(0, 64) : "unknown");

function isOlder(have: string, least: unknown): boolean {
  const [a, b] = [partsOf(have), partsOf(typeof least === "string" ? least : "")];
  if (a === undefined || b === undefined)
    throw new ArtefactFault("CONTENT", "the package names no version of Node");
  const differs = a.findIndex((part, i) => part !== b[i]);
  return differs >= 0 && (a[differs] ?? 0) < (b[differs] ?? 0);
}

const partsOf = (version: string): readonly number[] | undefined =>
  VERSION_OF_NODE.exec(version)?.slice(1).map(Number);

/** The first bytes of a file. @throws {ArtefactFault} CONTENT when there is none, or an empty one */
async function readSmall(path: string, maxBytes = MAX_BYTES): Promise<Buffer> {
  const file = await open(path, "r").catch((error: unknown) => {
    throw new ArtefactFault("CONTENT", "the image holds no agent of Longshore", error);
  });
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
    if (bytesRead === 0) throw new ArtefactFault("CONTENT", "the image holds no agent of Longshore");
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
