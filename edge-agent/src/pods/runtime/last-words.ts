// SPDX-License-Identifier: Apache-2.0
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

const MAX_MESSAGE_BYTES = 4096;
/** A kubelet's limits for a log that stands in for a message. */
const MAX_LOG_BYTES = 2048;
const MAX_LOG_LINES = 80;
/** A runtime cuts a line at 16 KiB, so this much holds the last 2 KiB of what was said, with their stamps. */
const LOG_WINDOW_BYTES = 32 * 1024;

/** Reads part of a file, nothing when it cannot. Never follows a link: the container may own that file. */
async function readPart(path: string, part: (size: number) => [at: number, length: number]): Promise<Buffer> {
  const none = Buffer.alloc(0);
  if (path === "") return none;
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch(() => undefined);
  if (!file) return none;
  try {
    return await readFrom(file, part);
  } catch {
    // a directory or a device in its place says nothing
    return none;
  } finally {
    await file.close();
  }
}

async function readFrom(file: FileHandle, part: (size: number) => [number, number]): Promise<Buffer> {
  const [at, length] = part((await file.stat()).size);
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

/** What a container left as its last words. */
export async function lastWords(path: string): Promise<string> {
  return (await readPart(path, () => [0, MAX_MESSAGE_BYTES])).toString("utf8");
}

/** The end of a container's log, without the runtime's stamps. */
export async function logTail(path: string): Promise<string> {
  let start = 0;
  const bytes = await readPart(path, (size) => {
    start = Math.max(0, size - LOG_WINDOW_BYTES);
    return [start, LOG_WINDOW_BYTES];
  });
  return tailOf(bytes.toString("utf8"), start === 0);
}

/** `2026-11-21T02:07:05.1Z stdout F text`; P instead of F: the line goes on in the next one. */
const LOG_LINE = /^\S+ (?:stdout|stderr) ([FP])(?::\S*)? (.*)$/s;

/**
 * The last 80 lines of a log in the format of CRI, at most 2048 bytes of them. Pure.
 *
 * @param isWhole false when the text begins anywhere in a line
 */
export function tailOf(log: string, isWhole: boolean): string {
  const lines = log.split("\n").slice(isWhole ? 0 : 1);
  if (lines.at(-1) === "") lines.pop();
  const said = lines.slice(-MAX_LOG_LINES).map((line) => {
    const [, kind, text = ""] = LOG_LINE.exec(line) ?? [];
    return kind === "F" ? `${text}\n` : text;
  });
  const bytes = Buffer.from(said.join(""));
  return lastBytes(bytes).toString("utf8");
}

/** Never begins within a character. */
function lastBytes(bytes: Buffer): Buffer {
  let at = Math.max(0, bytes.length - MAX_LOG_BYTES);
  while (at < bytes.length && at > 0 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at += 1;
  return bytes.subarray(at);
}
