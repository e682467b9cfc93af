// SPDX-License-Identifier: Apache-2.0
import { ArtefactFault } from "../errors.ts";
import { createByteSource, truncated, type ByteSource } from "./bytes.ts";
import { BLOCK_BYTES, isZeroBlock, parseHeader, type TarHeader } from "./header.ts";
import { parsePax, type PaxFields } from "./pax.ts";

export type TarKind = "file" | "folder" | "symlink" | "hardlink" | "device" | "other";

/** One entry of an archive. Its name is as it was written: nothing about it is checked yet. */
export interface TarEntry {
  readonly name: string;
  readonly kind: TarKind;
  readonly mode: number;
  readonly size: number;
  /** Its bytes, once; what is not read is skipped. */
  body(): AsyncGenerator<Buffer>;
}

export interface TarLimits {
  /** Bytes of the whole archive, unpacked; a file of more is refused by its header alone. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

/** A name, or names in an extended header, of more bytes have no good reason. */
const MAX_EXTENDED_BYTES = 65_536;

const KINDS: Readonly<Record<string, TarKind>> = {
  "0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "device",
  "4": "device",
  "6": "device",
  "5": "folder",
};

/**
 * Reads a tar stream: ustar, pax and GNU's long names. Sparse files, which take more room than bytes, are refused.
 *
 * @throws {ArtefactFault} HOSTILE for damage and what no package needs, LIMIT, ROOM
 */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array>,
  limits: TarLimits,
): AsyncGenerator<TarEntry, void, undefined> {
  const source = createByteSource(chunks, limits.maxBytes);
  let extended: PaxFields = {};
  for (let entries = 0; ; entries++) {
    const header = await nextHeader(source);
    if (header === undefined) return;
    if (entries >= limits.maxEntries)
      throw new ArtefactFault("LIMIT", `the archive has more than ${limits.maxEntries} entries`);
    const known = await extensionOf(header, source);
    if (known !== undefined) {
      extended = { ...extended, ...known };
      continue;
    }
    const entry = toEntry(header, extended, limits, source);
    extended = {};
    yield entry.entry;
    await entry.skip();
  }
}

/** Undefined at the end, which an archive says with a block of zeros. */
async function nextHeader(source: ByteSource): Promise<TarHeader | undefined> {
  const block = await source.exactly(BLOCK_BYTES);
  if (block === undefined) throw truncated();
  return isZeroBlock(block) ? undefined : parseHeader(block);
}

/** What an entry says of the one behind it; undefined when it stands for itself. */
async function extensionOf(header: TarHeader, source: ByteSource): Promise<PaxFields | undefined> {
  switch (header.type) {
    case "x":
      return parsePax(await smallBody(header, source));
    case "g": {
      const fields = parsePax(await smallBody(header, source));
      if (Object.keys(fields).length > 0)
        throw new ArtefactFault("HOSTILE", "the archive gives all its entries one name or size");
      return {};
    }
    case "L":
      return { path: (await smallBody(header, source)).toString("utf8").replace(/\0+$/, "") };
    case "K": // where a link leads: no link is followed
      await smallBody(header, source);
      return {};
    case "S":
      throw new ArtefactFault("HOSTILE", "the archive holds a sparse file");
    default:
      return undefined;
  }
}

async function smallBody(header: TarHeader, source: ByteSource): Promise<Buffer> {
  if (header.size > MAX_EXTENDED_BYTES)
    throw new ArtefactFault("LIMIT", `an extended header has more than ${MAX_EXTENDED_BYTES} bytes`);
  const body = (await source.exactly(header.size)) ?? Buffer.alloc(0);
  if (body.length < header.size) throw truncated();
  await skipPadding(header.size, source);
  return body;
}

async function skipPadding(size: number, source: ByteSource): Promise<void> {
  const padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
  if (padding > 0 && (await source.exactly(padding)) === undefined) throw truncated();
}

function toEntry(header: TarHeader, extended: PaxFields, limits: TarLimits, source: ByteSource) {
  const name = extended.path ?? header.name;
  const flagged = KINDS[header.type] ?? "other";
  // Before there was a type for folders, their names ended in a slash.
  const kind = flagged === "file" && name.endsWith("/") ? "folder" : flagged;
  const size = kind === "file" || kind === "other" ? (extended.size ?? header.size) : 0;
  if (size > limits.maxBytes)
    throw new ArtefactFault("ROOM", `a file of the archive has more than ${limits.maxBytes} bytes`);
  let left = size;
  async function* body(): AsyncGenerator<Buffer> {
    while (left > 0) {
      const chunk = await source.some(left);
      left -= chunk.length;
      yield chunk;
    }
  }
  const skip = async (): Promise<void> => {
    while (left > 0) left -= (await source.some(left)).length;
    await skipPadding(size, source);
  };
  return { entry: { name, kind, mode: header.mode, size, body }, skip };
}
