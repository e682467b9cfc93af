// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline, type Readable, type Transform } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { ArtefactFault, codeOf, wordsOf } from "./errors.ts";
import { onDisk, writeWhole } from "./http/download.ts";
import { placeOf, readTar, type TarEntry, type TarLimits } from "./tar/index.ts";

/** A layer that was fetched and checked. */
export interface FetchedLayer {
  readonly file: string;
  readonly mediaType: string;
}

const FOLDER_MODE = 0o755;
const PROGRAM_MODE = 0o755;
const FILE_MODE = 0o644;
const ANY_EXECUTE = 0o111;
/** Memory that a layer may have the reader hold, as a power of two: what RFC 8878 3.1.1.1.2 wants every reader to take. */
const WINDOW_LOG = 23;

export interface UnpackOptions extends TarLimits {
  /** A folder; nothing of the package may be in it. */
  readonly into: string;
  readonly signal: AbortSignal;
}

/** What is left of the limits, and what is there already, over all layers. */
interface Progress {
  bytes: number;
  entries: number;
  readonly files: Set<string>;
}

/**
 * Unpacks what layers have of the package (`opt/longshore/agent/`) into a folder, in their order; the rest of the image
 * stays where it is. Files and folders alone are made, each file once: anything else in there is an attempt to write
 * elsewhere. Owners, times and all mode bits but "may be run" have no effect.
 *
 * @throws {ArtefactFault} HOSTILE, LIMIT, ROOM, CONTENT for a layer that is no archive; what was written then stays
 */
export async function unpack(layers: readonly FetchedLayer[], options: UnpackOptions): Promise<void> {
  const progress: Progress = { bytes: 0, entries: 0, files: new Set() };
  for (const layer of layers) await unpackLayer(layer, options, progress);
}

async function unpackLayer(
  layer: FetchedLayer,
  { into, maxBytes, maxEntries, signal }: UnpackOptions,
  progress: Progress,
): Promise<void> {
  const left = { maxBytes: maxBytes - progress.bytes, maxEntries: maxEntries - progress.entries };
  try {
    for await (const entry of readTar(plainBytes(layer, signal), left)) {
      progress.entries++;
      progress.bytes += entry.size;
      await put(entry, into, progress.files);
    }
  } catch (error) {
    throw asFault(error);
  }
}

/** Errors of zlib have codes of their own. */
function asFault(error: unknown): ArtefactFault {
  if (error instanceof ArtefactFault) return error;
  const code = codeOf(error);
  if (code === "ABORT_ERR") return new ArtefactFault("REGISTRY", "the fetch was stopped, or took too long");
  if (/^(Z_|ZSTD_|ERR_)/.test(code))
    return new ArtefactFault("CONTENT", "a layer is no archive, or damaged", error);
  return new ArtefactFault("LOCAL", `cannot write the package: ${wordsOf(error)}`, error);
}

function plainBytes({ file, mediaType }: FetchedLayer, signal: AbortSignal): Readable | Transform {
  const source = createReadStream(file, { signal });
  const decoder = decoderOf(mediaType);
  // Errors of either end both, and come out where the bytes do.
  return decoder === undefined ? source : pipeline(source, decoder, () => undefined);
}

function decoderOf(mediaType: string): Transform | undefined {
  switch (mediaType) {
    case "application/vnd.oci.image.layer.v1.tar+gzip":
    case "application/vnd.docker.image.rootfs.diff.tar.gzip":
      return createGunzip();
    case "application/vnd.oci.image.layer.v1.tar+zstd":
      return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG } });
    case "application/vnd.oci.image.layer.v1.tar":
    case "application/vnd.docker.image.rootfs.diff.tar":
      return undefined;
    default:
      throw new ArtefactFault(
        "CONTENT",
        `a layer is of a kind that is not known: ${mediaType.slice(0, 128)}`,
      );
  }
}

async function put(entry: TarEntry, into: string, files: Set<string>): Promise<void> {
  const place = placeOf(entry);
  if (place.to === "nowhere") return;
  const path = join(into, place.path);
  if (place.to === "folder") {
    await makeFolder(path, place.path, files);
    return;
  }
  await makeFolder(dirname(path), dirname(place.path), files);
  files.add(place.path);
  await write(entry, path);
}

async function makeFolder(path: string, inside: string, files: ReadonlySet<string>): Promise<void> {
  for (let at = inside; at !== "."; at = dirname(at))
    if (files.has(at)) throw new ArtefactFault("HOSTILE", `${at} is a file and a folder in the archive`);
  await mkdir(path, { recursive: true, mode: FOLDER_MODE }).catch(onDisk);
}

/** A new file, never one that is there: nothing can be written through what somebody put in its place. */
async function write(entry: TarEntry, path: string): Promise<void> {
  const mode = (entry.mode & ANY_EXECUTE) === 0 ? FILE_MODE : PROGRAM_MODE;
  const file = await open(path, "wx", mode).catch((error: unknown) => {
    if (codeOf(error) === "EEXIST" || codeOf(error) === "EISDIR")
      throw new ArtefactFault("HOSTILE", "the archive writes over what is there");
    return onDisk(error);
  });
  let bytes = 0;
  try {
    for await (const chunk of entry.body()) {
      await writeWhole(file, chunk, bytes);
      bytes += chunk.length;
    }
  } finally {
    await file.close();
  }
}
