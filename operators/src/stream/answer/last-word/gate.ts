// SPDX-License-Identifier: Apache-2.0
import { MAX_HEADER_BYTES, type Frames } from "./frames.ts";
import { framesAfter } from "./head.ts";

export interface GateLimits {
  /** Of the answer to the upgrade; a longer one is not looked at. */
  readonly maxHeadBytes: number;
  /** A longer frame is not waited for. */
  readonly maxFrameBytes: number;
  /** Pieces that a frame may come in. */
  readonly maxPieces: number;
}

export const GATE_LIMITS: GateLimits = {
  maxHeadBytes: 16 * 1024,
  maxFrameBytes: 256 * 1024,
  maxPieces: 1_024,
};

const SMALL_BYTES = 4 * 1024;
/** A small piece may be a view of far more, which it would hold. */
function own(piece: Buffer): Buffer {
  if (piece.length >= SMALL_BYTES) return piece;
  const copy = Buffer.allocUnsafeSlow(piece.length);
  piece.copy(copy);
  return copy;
}

const END_OF_HEAD = "\r\n\r\n";

/**
 * What comes from the edge goes through here, and leaves it in whole frames, so that a word of ours can follow at any
 * time. Of the traffic it reads an HTTP head and the headers of frames. Where it does not understand, or would have to
 * hold too much, it is open from then on, and there is no last word.
 */
export class LastWordGate {
  readonly #limits: GateLimits;
  /** Of the answer to the upgrade, which is passed on as it comes; undefined when it is over. */
  #head: Buffer | undefined = Buffer.alloc(0);
  /** Absent: what comes is passed on as it is. */
  #frames: Frames | undefined;
  /** The frame that is not whole yet, in the pieces that it came in. */
  #held: Buffer[] = [];
  /** Its first bytes, as far as its size has needed them. */
  readonly #header = Buffer.alloc(MAX_HEADER_BYTES);
  #headerBytes = 0;
  /** Bytes of it that are still to come; undefined: not known yet. */
  #missing: number | undefined;

  constructor(limits: GateLimits = GATE_LIMITS) {
    this.#limits = limits;
  }

  /** @returns what may be passed on now, of this and of what was held */
  pass(chunk: Buffer): readonly Buffer[] {
    if (this.#head !== undefined) return this.#passHead(this.#head, chunk);
    if (this.#frames === undefined) return [chunk];
    const wholeTo = this.#follow(this.#frames, chunk);
    if (wholeTo === undefined) return [...this.#open(), chunk];
    return this.#release(chunk, wholeTo);
  }

  /** What is held, when nothing more comes; or the last word, when it came without the one that says how it ended. */
  rest(failure: Buffer): readonly Buffer[] {
    const word = this.#frames?.lastWord(failure);
    const held = this.#open();
    return word === undefined ? held : [word];
  }

  /** What tells of the failure, behind all that was passed on. @returns undefined when nothing can */
  lastWord(failure: Buffer): Buffer | undefined {
    const word = this.#frames?.lastWord(failure);
    this.#open();
    return word;
  }

  #passHead(before: Buffer, chunk: Buffer): readonly Buffer[] {
    const { maxHeadBytes } = this.#limits;
    const head = Buffer.concat([before, chunk.subarray(0, maxHeadBytes - before.length)]);
    const end = head.indexOf(END_OF_HEAD);
    if (end < 0) {
      this.#head = head.length < maxHeadBytes ? head : undefined;
      return [chunk];
    }
    this.#head = undefined;
    this.#frames = framesAfter(head.toString("latin1", 0, end));
    const bodyAt = end + END_OF_HEAD.length - before.length;
    if (bodyAt === chunk.length) return [chunk];
    return [chunk.subarray(0, bodyAt), ...this.pass(chunk.subarray(bodyAt))];
  }

  /** @returns where in the chunk its last whole frame ends, 0 when none does; undefined when it is not to be followed */
  #follow(frames: Frames, chunk: Buffer): number | undefined {
    let wholeTo = 0;
    for (let at = 0; at < chunk.length;) {
      if (this.#missing === undefined) {
        this.#header[this.#headerBytes++] = chunk.readUInt8(at++);
        const size = frames.sizeOf(this.#header, this.#headerBytes);
        if (size === undefined) continue;
        if (size > this.#limits.maxFrameBytes) return undefined;
        this.#missing = size - this.#headerBytes;
      }
      const here = Math.min(this.#missing, chunk.length - at);
      at += here;
      this.#missing -= here;
      if (this.#missing > 0) break;
      frames.passed(this.#header);
      this.#headerBytes = 0;
      this.#missing = undefined;
      wholeTo = at;
    }
    return wholeTo;
  }

  #release(chunk: Buffer, wholeTo: number): readonly Buffer[] {
    if (wholeTo === 0) {
      this.#held.push(own(chunk));
      return this.#held.length > this.#limits.maxPieces ? this.#open() : [];
    }
    const whole = [...this.#held, wholeTo === chunk.length ? chunk : chunk.subarray(0, wholeTo)];
    this.#held = wholeTo === chunk.length ? [] : [own(chunk.subarray(wholeTo))];
    return whole;
  }

  #open(): readonly Buffer[] {
    const held = this.#held;
    this.#head = undefined;
    this.#frames = undefined;
    this.#held = [];
    return held;
  }
}
