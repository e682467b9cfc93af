// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "./errors.ts";
import type { StreamFrame } from "./frame.ts";
import type { MuxLink, Party } from "./mux-link.ts";
import type { MuxDeps } from "./mux-port.ts";
import { MuxStream } from "./mux-stream.ts";
import type { OpenedStream } from "./port.ts";

type Settle = (opened: OpenedStream | StreamError) => void;

/** A stream that this side asked for, until the other side answers or it takes too long. */
class Opening implements Party {
  readonly #link: MuxLink;
  readonly #id: number;
  readonly #settle: Settle;

  constructor(link: MuxLink, id: number, settle: Settle) {
    this.#link = link;
    this.#id = id;
    this.#settle = settle;
  }

  receive(frame: StreamFrame): void {
    if (frame.type === "head") this.#accepted(frame.head, frame.creditBytes);
    else if (frame.type === "reset") this.#refused(frame.error);
    else this.fail(new StreamError("BAD_REQUEST", `${frame.type} before the stream was accepted`));
  }

  lose(error: StreamError): void {
    this.#settle(error);
  }

  /** Gives up, and says so. */
  fail(error: StreamError): void {
    this.#link.drop(this.#id, error);
    this.#settle(error);
  }

  #accepted(head: OpenedStream["head"], creditBytes: number): void {
    const stream = new MuxStream(this.#link, this.#id, creditBytes);
    this.#link.hand(this.#id, stream);
    this.#settle({ head, stream });
  }

  #refused(error: StreamError): void {
    this.#link.drop(this.#id);
    this.#settle(error);
  }
}

/** Waits for the answer to an OPEN, until the signal, the timeout or the connection says otherwise. */
export function awaitAnswer(
  link: MuxLink,
  id: number,
  clock: MuxDeps["clock"],
  signal: AbortSignal | undefined,
): Promise<OpenedStream> {
  return new Promise((resolve, reject) => {
    const opening = new Opening(link, id, (opened) => {
      cancelTimeout();
      signal?.removeEventListener("abort", onAbort);
      if (opened instanceof StreamError) reject(opened);
      else resolve(opened);
    });
    const onAbort = (): void => opening.fail(new StreamError("CANCELLED", "the stream was given up"));
    const cancelTimeout = clock.schedule(link.limits.openTimeoutMs, () =>
      opening.fail(new StreamError("TIMEOUT", "the other side did not answer in time")),
    );
    signal?.addEventListener("abort", onAbort, { once: true });
    link.hand(id, opening);
  });
}
