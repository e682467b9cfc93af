// SPDX-License-Identifier: Apache-2.0
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { plainAuthority } from "./authority.ts";
import type { OpenRequests, RequestBudget } from "./requests.ts";

const PREFACE_BYTES = 24;
const FRAME_HEAD_BYTES = 9;
/** Larger frames are not allowed before they were agreed on, and we agree on none. */
const MAX_FRAME_BYTES = 16_384;
const [HEADERS, CONTINUATION] = [1, 9];
/** Of one call, as sent; mappers need some hundred bytes. The library takes more than 100 KiB. */
const MAX_BLOCK_BYTES = 32 * 1024;
/** GOAWAY: the last call that counts is none, and the reason is ENHANCE_YOUR_CALM. */
const GOAWAY = Buffer.from("0000080700000000000000000000000b", "hex");
const [END_HEADERS, PADDED, PRIORITY] = [0x4, 0x8, 0x20];

/** A frame of headers with a plain authority. Its block lies between what its flags put before and behind it. */
function plainHeaders(frame: Buffer): Buffer {
  const flags = frame[4] ?? 0;
  const padding = (flags & PADDED) === 0 ? 0 : (frame[FRAME_HEAD_BYTES] ?? 0);
  const from = FRAME_HEAD_BYTES + ((flags & PADDED) === 0 ? 0 : 1) + ((flags & PRIORITY) === 0 ? 0 : 5);
  const to = frame.length - padding;
  if (to < from) return frame;
  const block = frame.subarray(from, to);
  const plain = plainAuthority(block);
  if (plain === block) return frame;
  const head = Buffer.from(frame.subarray(0, from));
  head.writeUIntBE(frame.length - FRAME_HEAD_BYTES - block.length + plain.length, 0, 3);
  return Buffer.concat([head, plain, frame.subarray(to)]);
}

/** Follows the frames of one connection, and holds back no more than one frame of headers. */
export class HeaderFilter {
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes that are to come before something has to be looked at. */
  #wanted = FRAME_HEAD_BYTES;
  /** Bytes that pass without a look. */
  #passing = PREFACE_BYTES;
  /** Of the headers that are not complete yet. */
  #blockBytes = 0;
  readonly #onFrame: (head: Buffer, length: number) => void;

  /** @param onFrame a frame begins */
  constructor(onFrame: (head: Buffer, length: number) => void = () => undefined) {
    this.#onFrame = onFrame;
  }

  /** One call has more headers than anybody needs. */
  get isExcessive(): boolean {
    return this.#blockBytes > MAX_BLOCK_BYTES;
  }

  /** What is to be passed on now. */
  push(chunk: Buffer): Buffer[] {
    const out: Buffer[] = [];
    let rest = chunk;
    while (rest.length > 0 && !this.isExcessive) {
      const passed = rest.subarray(0, this.#passing);
      this.#passing -= passed.length;
      if (passed.length > 0) out.push(passed);
      rest = this.#collect(rest.subarray(passed.length), out);
    }
    return out;
  }

  #collect(bytes: Buffer, out: Buffer[]): Buffer {
    const taken = bytes.subarray(0, this.#wanted - this.#heldBytes);
    if (taken.length > 0) this.#held.push(taken);
    this.#heldBytes += taken.length;
    if (this.#heldBytes === this.#wanted) this.#look(Buffer.concat(this.#held), out);
    return bytes.subarray(taken.length);
  }

  #look(held: Buffer, out: Buffer[]): void {
    const length = held.readUIntBE(0, 3);
    if (held.length === FRAME_HEAD_BYTES) this.#onFrame(held, length);
    if (held.length === FRAME_HEAD_BYTES && isToChange(held, length)) {
      this.#held = [held];
      this.#wanted = FRAME_HEAD_BYTES + length;
      return;
    }
    this.#measure(held, length);
    if (this.isExcessive) return; // and nothing more is looked at
    const isWhole = held.length > FRAME_HEAD_BYTES;
    out.push(isWhole ? plainHeaders(held) : held);
    this.#passing = isWhole ? 0 : length;
    this.#held = [];
    this.#heldBytes = 0;
    this.#wanted = FRAME_HEAD_BYTES;
  }

  #measure(head: Buffer, length: number): void {
    this.#blockBytes = isOfHeaders(head) ? this.#blockBytes + length : 0;
    if (endsHeaders(head) && !this.isExcessive) this.#blockBytes = 0;
  }
}

const isOfHeaders = (head: Buffer): boolean => head[3] === HEADERS || head[3] === CONTINUATION;

const endsHeaders = (head: Buffer): boolean => isOfHeaders(head) && ((head[4] ?? 0) & END_HEADERS) !== 0;

/** Headers of one frame, as all sane ones are. */
const isToChange = (head: Buffer, length: number): boolean =>
  head[3] === HEADERS && endsHeaders(head) && length > 0 && length <= MAX_FRAME_BYTES;

/** The connection of a mapper, with an authority in each call that the library takes. */
export class MapperConnection extends Duplex {
  readonly #socket: Socket;
  readonly #requests: OpenRequests;
  readonly #budget: RequestBudget;

  constructor(socket: Socket, budget: RequestBudget) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#budget = budget;
    this.#requests = budget.open(() => this.#sendAway());
    const filter = new HeaderFilter((head, length) => this.#requests.frame(head, length));
    socket.on("data", (chunk: Buffer) => {
      for (const bytes of filter.push(chunk)) if (!this.push(bytes)) socket.pause();
      if (filter.isExcessive) this.#sendAway();
    });
    socket.once("end", () => this.push(null));
    socket.once("error", () => this.destroy()); // a mapper that died
    socket.once("close", () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  /** With a word that is written at once or never: who does not read may not stay for it. */
  #sendAway(): void {
    this.#socket.end(GOAWAY);
    this.destroy();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#budget.close(this.#requests);
    this.#socket.destroy();
    done(error);
  }
}
