// SPDX-License-Identifier: Apache-2.0
import { readHead, type LineHead } from "./head.ts";
import type { LogWants } from "./options.ts";
import { instantOf, isBefore, writeTimestamp } from "./timestamp.ts";

const SPACE = 0x20;
const NEWLINE = 0x0a;
const NOTHING = Buffer.alloc(0);
/** Shorter text is copied three times as fast here as by a call. */
const SHORT_BYTES = 48;

/** Room for what `bytes` of log become: with a timestamp of nine digits a line of 30 bytes grows by one. */
const roomFor = (bytes: number): number => bytes + (bytes >> 4) + 64;

/**
 * Turns blocks of a log file into what `kubectl logs` prints. A line may be of any length and cut anywhere: no more
 * is kept of it than its head. Which lines are printed, and where a timestamp stands, is a kubelet's choice: a line
 * that follows a partial one is its continuation, of whichever stream it is, and gets no timestamp.
 */
export class LogLines {
  readonly #wants: LogWants;
  readonly #onMalformed: () => void;
  readonly #head: LineHead = { timestampEnd: 0, textAt: 0, isStderr: false, isPartial: false };
  #state: "head" | "text" | "malformed" = "head";
  /** The beginning of a head whose rest is not there yet. */
  #carry: Buffer = NOTHING;
  #isShown = false;
  #isEmpty = true;
  /** The last line was whole. */
  #isFresh = true;
  #linesLeft: number;
  #bytesLeft: number;
  #out: Buffer = NOTHING;
  #outAt = 0;

  constructor(wants: LogWants, onMalformed: () => void) {
    this.#wants = wants;
    this.#onMalformed = onMalformed;
    this.#bytesLeft = wants.limitBytes ?? Number.POSITIVE_INFINITY;
    // What comes after the tail was found is wanted only by who follows.
    this.#linesLeft = wants.follow ? Number.POSITIVE_INFINITY : (wants.tailLines ?? Number.POSITIVE_INFINITY);
  }

  /** Nothing more is wanted. */
  get isDone(): boolean {
    return this.#bytesLeft <= 0 || this.#linesLeft <= 0;
  }

  /** @returns what is printed of this block, possibly nothing; the block may be used again afterwards */
  write(block: Buffer): Buffer {
    const input = this.#carry.length > 0 ? Buffer.concat([this.#carry, block]) : block;
    this.#carry = NOTHING;
    this.#outAt = 0;
    if (this.#out.length < roomFor(input.length)) this.#out = Buffer.allocUnsafeSlow(roomFor(input.length));
    let at = 0;
    while (at < input.length && !this.isDone) {
      at = this.#state === "head" ? this.#begin(input, at) : this.#continue(input, at);
    }
    return this.#take();
  }

  /** The file is over, and what was begun is all that there is of its last line. */
  end(): void {
    if (this.#carry.length > 0) this.#onMalformed();
    this.#carry = NOTHING;
    this.#state = "head";
  }

  #take(): Buffer {
    if (this.#outAt === 0) return NOTHING;
    const out = this.#out.subarray(0, this.#outAt);
    this.#out = NOTHING;
    return out;
  }

  #begin(input: Buffer, at: number): number {
    const found = readHead(input, at, this.#head);
    if (found === "cut") {
      this.#carry = Buffer.from(input.subarray(at));
      return input.length;
    }
    if (found === "malformed") {
      this.#state = "malformed";
      this.#onMalformed();
      return at;
    }
    this.#state = "text";
    this.#isEmpty = true;
    this.#isShown = this.#isWanted(input, at);
    if (this.#isShown && this.#isFresh && this.#wants.timestamps) this.#stamp(input, at);
    return this.#head.textAt;
  }

  #isWanted(input: Buffer, at: number): boolean {
    const { since, stream } = this.#wants;
    if (stream !== undefined && (stream === "stderr") !== this.#head.isStderr) return false;
    return since === undefined || !isBefore(instantOf(input, at, this.#head.timestampEnd), since);
  }

  #stamp(input: Buffer, at: number): void {
    const end = writeTimestamp(input, { at, end: this.#head.timestampEnd }, this.#out, this.#outAt);
    this.#out[end] = SPACE;
    const bytes = Math.min(end + 1 - this.#outAt, this.#bytesLeft);
    this.#outAt += bytes;
    this.#bytesLeft -= bytes;
  }

  /** Text up to the end of the line or of the block. */
  #continue(input: Buffer, at: number): number {
    const newline = input.indexOf(NEWLINE, at);
    const end = newline < 0 ? input.length : newline;
    if (end > at) this.#isEmpty = false;
    if (this.#isShown && this.#state === "text") {
      this.#copy(input, at, newline >= 0 && !this.#head.isPartial ? end + 1 : end);
    }
    if (newline < 0) return end;
    if (this.#state === "text") {
      this.#isFresh = !this.#head.isPartial || this.#isEmpty;
      this.#linesLeft--;
    }
    this.#state = "head";
    return newline + 1;
  }

  #copy(input: Buffer, from: number, to: number): void {
    const bytes = Math.min(to - from, this.#bytesLeft);
    const out = this.#out;
    const shift = this.#outAt - from;
    if (bytes > SHORT_BYTES) input.copy(out, this.#outAt, from, from + bytes);
    else for (let at = from; at < from + bytes; at++) out[at + shift] = input[at] ?? 0;
    this.#outAt += bytes;
    this.#bytesLeft -= bytes;
  }
}
