// SPDX-License-Identifier: Apache-2.0
import type { Frames } from "./frames.ts";

const HEADER_BYTES = 8;
/** The bit of a control frame, and version 3. */
const CONTROL_OF_3 = 0x8003;
const GOAWAY = 7;
const FIN = 0x01;
/** A client numbers its streams 1, 3, 5 …, and that of errors is the first that it makes (remotecommand v2 to v5). */
const ERROR_STREAM = 1;

/**
 * SPDY/3.1 towards a client that runs a command: 8 bytes of header, the last 3 of them a length. In a data frame the
 * first 4 are the stream, in a control frame version and type; the fifth is flags.
 */
export class SpdyFrames implements Frames {
  #isSaid = false;

  sizeOf(header: Buffer, length: number): number | undefined {
    if (length < HEADER_BYTES) return undefined;
    const isKnown = !isControl(header) || header.readUInt16BE(0) === CONTROL_OF_3;
    return isKnown ? HEADER_BYTES + header.readUIntBE(5, 3) : Infinity;
  }

  passed(header: Buffer): void {
    this.#isSaid ||= isControl(header) ? header.readUInt16BE(2) === GOAWAY : isOfErrors(header);
  }

  lastWord(failure: Buffer): Buffer | undefined {
    if (this.#isSaid) return undefined;
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(ERROR_STREAM, 0);
    header.writeUInt8(FIN, 4);
    header.writeUIntBE(failure.length, 5, 3);
    return Buffer.concat([header, failure]);
  }
}

const isControl = (header: Buffer): boolean => header.readUInt8(0) >= 0x80;

function isOfErrors(header: Buffer): boolean {
  if (header.readUInt32BE(0) !== ERROR_STREAM) return false;
  return (header.readUInt8(4) & FIN) !== 0 || header.readUIntBE(5, 3) > 0;
}
