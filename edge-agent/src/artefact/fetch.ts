// SPDX-License-Identifier: Apache-2.0
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ArtefactRequest } from "../jobs/upgrade/port.ts";
import { ArtefactFault } from "./errors.ts";
import { checkGate, checkOnlyPlatform, find, type Found } from "./find.ts";
import { download, onDisk } from "./http/download.ts";
import type { Registry } from "./http/registry.ts";
import type { Retry } from "./http/retry.ts";
import { architectureOf, type Descriptor } from "./image/manifest.ts";
import { DEFAULT_IMAGE, referenceOf, type ImageReference } from "./image/reference.ts";
import { checkPackage } from "./package.ts";
import { checkSignature } from "./signed.ts";
import { unpack, type FetchedLayer } from "./unpack.ts";

/** What a fetch is done with. */
export interface FetchParts {
  readonly registryOf: (image: ImageReference) => Registry;
  /** The same repository at the host that a job names, with the job's token. @throws {ArtefactFault} HOST */
  readonly otherRegistryOf: (image: ImageReference, host: string, token: string) => Registry;
  /** PEM of the keys that images must be signed with; undefined: they need no signature. */
  readonly publicKeys: string | undefined;
  readonly maxLayerBytes: number;
  readonly maxTotalBytes: number;
  readonly maxEntries: number;
  readonly nodeVersion: string;
  readonly retry: Retry;
}

/** Layers wait here until they are unpacked; no package has such a name. */
const LAYERS = ".layers";

/**
 * Finds the image, holds it against gate and signature, fetches its layers, unpacks the package and checks that too.
 *
 * @returns digest of this platform's manifest
 * @throws {ArtefactFault}
 */
export async function fetchPackage(request: ArtefactRequest, parts: FetchParts): Promise<string> {
  const { retry, publicKeys } = parts;
  const image = referenceOf(request.image, request.version);
  const platform = { os: "linux", architecture: architectureOf(request.arch) };
  const registry = parts.registryOf(image);
  request.progress(`asking ${image.host} for ${request.version}`);
  const found = await find(registry, image.reference, platform, retry);
  await checkGate(found, {
    gate: request.gate,
    architecture: platform.architecture,
    name: `${request.image === "" ? DEFAULT_IMAGE : request.image}:${request.version}`,
    image,
    other: (host, token) => parts.otherRegistryOf(image, host, token),
    retry,
  });
  if (publicKeys !== undefined) await checkSignature(registry, found, publicKeys, retry);
  const folder = join(request.into, LAYERS);
  try {
    await mkdir(folder, { mode: 0o700 }).catch(onDisk);
    await checkOnlyPlatform(registry, found, { platform, into: join(folder, "config"), retry });
    const maxBytes = leftFor(found.layers, request, parts);
    const files = await bring(registry, found, folder, { progress: (text) => request.progress(text), retry });
    request.progress("unpacking");
    await unpack(files, { into: request.into, maxBytes, maxEntries: parts.maxEntries, signal: retry.signal });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  await checkPackage(request.into, request.version, parts.nodeVersion);
  return found.manifest;
}

/** Fetches all layers into files of a folder. */
async function bring(
  registry: Registry,
  { layers }: Found,
  folder: string,
  { progress, retry }: { readonly progress: (text: string) => void; readonly retry: Retry },
): Promise<readonly FetchedLayer[]> {
  const files = layers.map(({ mediaType }, i) => ({ file: join(folder, String(i)), mediaType }));
  for (const [i, layer] of layers.entries()) {
    progress(`fetching layer ${i + 1} of ${layers.length}, ${layer.size} bytes`);
    await download(registry, layer, join(folder, String(i)), retry);
  }
  return files;
}

/** Bytes that unpacked files may have beside the layers. @throws {ArtefactFault} ROOM */
function leftFor(
  layers: readonly Descriptor[],
  request: ArtefactRequest,
  { maxLayerBytes, maxTotalBytes }: FetchParts,
): number {
  const room = Math.min(request.maxBytes, maxTotalBytes);
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  const large = layers.find(({ size }) => size > maxLayerBytes);
  if (large !== undefined)
    throw new ArtefactFault(
      "ROOM",
      `a layer has ${large.size} bytes, more than the ${maxLayerBytes} allowed`,
    );
  if (total > room)
    throw new ArtefactFault("ROOM", `the image has ${total} bytes, and there is room for ${room}`);
  return room - total;
}
