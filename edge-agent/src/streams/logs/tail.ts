// SPDX-License-Identifier: Apache-2.0
import type { FileHandle } from "node:fs/promises";

const NEWLINE = 0x0a;

/** Reads until the buffer is full or the file is over. */
async function readFully(file: FileHandle, buffer: Buffer, position: number): Promise<Buffer> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** Where the newline is that is the `count`-th from the end; or how many there are when they are fewer. */
function countBack(block: Buffer, count: number): { readonly at: number; readonly seen: number } {
  let seen = 0;
  let at = block.length;
  while (seen < count && at > 0) {
    at = block.lastIndexOf(NEWLINE, at - 1);
    if (at < 0) break;
    seen++;
  }
  return { at, seen };
}

/**
 * Where the last `lines` lines of a file begin, sought from its end. As a kubelet counts: each newline of the file
 * ends a line, so a line that the runtime parted counts as several, and the one that is being written does not count.
 *
 * @param isGivenUp asked before each block: a file may be long, and of holes
 */
export async function tailStart(
  file: FileHandle,
  lines: number,
  blockBytes: number,
  isGivenUp: () => boolean,
): Promise<number> {
  const buffer = Buffer.allocUnsafeSlow(blockBytes);
  // The newline that ends the line before is sought too.
  let wanted = lines + 1;
  let right = (await file.stat()).size;
  while (right > 0 && !isGivenUp()) {
    const left = Math.max(0, right - blockBytes);
    const block = await readFully(file, buffer.subarray(0, right - left), left);
    const { at, seen } = countBack(block, wanted);
    wanted -= seen;
    if (wanted === 0) return left + at + 1;
    right = left;
  }
  return 0;
}
