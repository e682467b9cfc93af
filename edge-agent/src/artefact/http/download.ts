// SPDX-License-Identifier: Apache-2.0
import { createHash, type Hash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { ArtefactFault, codeOf, wordsOf } from "../errors.ts";
import type { Descriptor } from "../image/manifest.ts";
import { unanswered, type Answer } from "./exchange.ts";
import type { Registry } from "./registry.ts";
import { retrying, type Retry } from "./retry.ts";

/** What is there of a blob so far. */
interface Part {
  readonly file: FileHandle;
  bytes: number;
  hash: Hash;
  /** What is there is not what it should be. */
  isWrong: boolean;
}

/**
 * Fetches a blob into a new file and checks its digest. A connection that breaks is taken up where it broke if the
 * registry can do that, else from the start. Never more bytes than the descriptor says.
 *
 * @throws {ArtefactFault} DIGEST, REGISTRY after the last try, ROOM when the disk is full
 */
export async function download(
  registry: Registry,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  into: string,
  retry: Retry,
): Promise<void> {
  const file = await open(into, "wx", 0o600).catch(onDisk);
  try {
    const part: Part = { file, bytes: 0, hash: createHash("sha256"), isWrong: false };
    await retrying(retry, async () => {
      if (part.isWrong || part.bytes < size) await attempt(registry, { digest, size }, part, retry.signal);
      if (`sha256:${part.hash.copy().digest("hex")}` === digest) return;
      part.isWrong = true;
      throw new ArtefactFault("DIGEST", `a layer does not have its digest: ${digest}`);
    });
  } finally {
    await file.close();
  }
}

async function attempt(
  registry: Registry,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  part: Part,
  signal: AbortSignal,
): Promise<void> {
  if (part.isWrong) await restart(part);
  const { url, answer } = await registry.blob(digest, part.bytes, signal);
  try {
    if (!continues(answer, part.bytes)) await restart(part);
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      part.isWrong = part.bytes + chunk.length > size;
      if (part.isWrong)
        throw new ArtefactFault("DIGEST", `a layer has more bytes than its manifest says: ${digest}`);
      await writeWhole(part.file, chunk, part.bytes);
      part.hash.update(chunk);
      part.bytes += chunk.length;
    }
  } catch (error) {
    throw unanswered(url, error);
  } finally {
    answer.body.destroy();
  }
  if (part.bytes < size) throw new ArtefactFault("REGISTRY", `${url.host} ended a layer too early`);
}

/** Whether an answer goes on at this byte; else it begins anew. */
function continues({ status, headers }: Answer, at: number): boolean {
  if (status !== 206) return at === 0;
  return Number(/^bytes (\d{1,15})-/.exec(headers["content-range"] ?? "")?.[1] ?? -1) === at;
}

async function restart(part: Part): Promise<void> {
  await part.file.truncate(0).catch(onDisk);
  part.bytes = 0;
  part.isWrong = false;
  part.hash = createHash("sha256");
}

/** The last write before a disk is full takes less than it was given, without an error. @throws {ArtefactFault} ROOM, LOCAL */
export async function writeWhole(
  file: Pick<FileHandle, "write">,
  bytes: Buffer,
  position: number,
): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const left = bytes.length - written;
    const { bytesWritten } = await file.write(bytes, written, left, position + written).catch(onDisk);
    written += bytesWritten;
  }
}

/** @throws {ArtefactFault} ROOM, LOCAL */
export function onDisk(error: unknown): never {
  if (error instanceof ArtefactFault) throw error;
  const code = codeOf(error);
  if (code === "ENOSPC" || code === "EDQUOT") throw new ArtefactFault("ROOM", "the disk is full", error);
  throw new ArtefactFault("LOCAL", `cannot write the package: ${wordsOf(error)}`, error);
}
