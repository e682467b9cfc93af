// SPDX-License-Identifier: Apache-2.0
import type { Readable, Writable } from "node:stream";

/** What stands in the way, and may hold some of it for a while. */
export interface Gate {
  pass(chunk: Buffer): readonly Buffer[];
  /** When nothing more comes. */
  rest(): readonly Buffer[];
}

const OPEN: Gate = { pass: (chunk) => [chunk], rest: () => [] };

/**
 * Moves bytes one way until their end. A reader that stalls holds up this one, and nothing else. Says nothing of
 * failures: whoever pours ties the two together.
 *
 * @returns leaves the two alone
 */
export function pour(
  from: Readable,
  to: Writable,
  onBytes: (bytes: number) => void,
  gate: Gate = OPEN,
): () => void {
  const onData = (chunk: Buffer): void => {
    onBytes(chunk.length);
    if (!give(gate.pass(chunk), to)) from.pause();
  };
  const onDrain = (): void => void from.resume();
  const onEnd = (): void => {
    give(gate.rest(), to);
    to.end();
  };
  from.on("data", onData);
  to.on("drain", onDrain);
  from.on("end", onEnd);
  return () => {
    from.off("data", onData);
    to.off("drain", onDrain);
    from.off("end", onEnd);
  };
}

/** @returns whether there is room for more */
function give(pieces: readonly Buffer[], to: Writable): boolean {
  if (pieces.length > 1) to.cork();
  for (const piece of pieces) to.write(piece);
  if (pieces.length > 1) to.uncork();
  return !to.writableNeedDrain;
}
