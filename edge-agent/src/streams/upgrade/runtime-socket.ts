// SPDX-License-Identifier: Apache-2.0
import { Socket } from "node:net";

type Done = (error?: Error | null) => void;

/**
 * A connection to the runtime's streaming server that is read to its end. A server that is through closes with input
 * still unread, which TCP makes a reset; a plain socket drops then what has come but was not read, as soon as it writes
 * into the reset or hears of it. Here nothing more is written from then on, and the reset ends what was received.
 */
export class RuntimeSocket extends Socket {
  #isDeaf = false;

  override _write(chunk: unknown, encoding: BufferEncoding, done: Done): void {
    if (this.#isDeaf) done();
    else super._write(chunk, encoding, this.#forgiving(done));
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: Done): void {
    if (this.#isDeaf) done();
    else super._writev?.(chunks, this.#forgiving(done));
  }

  override _final(done: Done): void {
    if (this.#isDeaf) done();
    else super._final(this.#forgiving(done));
  }

  /** How Node tells of a failed read, too: a reset is the end here, after what is still in the buffer. */
  override destroy(error?: Error): this {
    if (this.destroyed || this.readableEnded || !isReset(error)) return super.destroy(error);
    this.#isDeaf = true;
    this.push(null);
    this.end();
    return this;
  }

  #forgiving(done: Done): Done {
    return (error) => {
      if (error && GONE.has((error as NodeJS.ErrnoException).code ?? "")) this.#isDeaf = true;
      done(this.#isDeaf ? null : error);
    };
  }
}

/** What a write into a connection that the other side has closed comes back with. */
const GONE = new Set(["EPIPE", "ECONNRESET", "ENOTCONN"]);

const isReset = (error: Error | undefined): boolean => {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  return code === "ECONNRESET" && syscall === "read";
};
