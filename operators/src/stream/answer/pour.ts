// SPDX-License-Identifier: Apache-2.0
import type { Readable, Writable } from "node:stream";

/**
 * Moves bytes one way until their end. A reader that stalls holds up this one, and nothing else. Says nothing of
 * failures: whoever pours ties the two together.
 */
export function pour(from: Readable, to: Writable, onBytes: (bytes: number) => void): void {
  from.on("data", (chunk: Buffer) => {
    onBytes(chunk.length);
    if (!to.write(chunk)) from.pause();
  });
  to.on("drain", () => from.resume());
  from.on("end", () => to.end());
}
