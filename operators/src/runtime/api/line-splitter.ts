// SPDX-License-Identifier: Apache-2.0

const NEWLINE = 0x0a;

/**
 * Cuts a byte stream into lines without decoding a line twice; the last line needs no newline only if it is empty.
 *
 * @throws RangeError when a line is longer than `maxLineBytes`
 */
export async function* splitLines(
  stream: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      const line = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
      parts = [];
      pendingBytes = 0;
      start = end + 1;
      if (line.length > 0) yield line.toString("utf8");
    }
    const rest = chunk.subarray(start);
    pendingBytes += rest.length;
    if (pendingBytes > maxLineBytes)
      throw new RangeError(`a line of the watch is longer than ${maxLineBytes} bytes`);
    if (rest.length > 0) parts.push(rest);
  }
  // What is left is half a line of a cut connection: the event comes again after the reconnect.
}
