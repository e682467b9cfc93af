// SPDX-License-Identifier: Apache-2.0
import { Readable } from "node:stream";
import { StreamError } from "@longshore/crds/stream";
import type { LogReader } from "./reader.ts";

const asStreamError = (error: unknown): StreamError =>
  error instanceof StreamError
    ? error
    : new StreamError("INTERNAL", "the log cannot be read", { cause: error });

/** What a reader reads, as fast as it is taken. The reader is closed before the stream is. */
export function streamOf(reader: LogReader, options: { readonly highWaterMark: number }): Readable {
  let step = Promise.resolve();
  const stream: Readable = new Readable({
    ...options,
    read() {
      step = reader.next().then(
        (piece) => void stream.push(piece ?? null),
        (error: unknown) => void stream.destroy(asStreamError(error)),
      );
    },
    destroy(error, done) {
      reader.stop();
      step
        .then(() => reader.close())
        .then(
          () => done(error),
          (cause: unknown) => done(error ?? asStreamError(cause)),
        );
    },
  });
  return stream;
}

export const cancelled = (): StreamError => new StreamError("CANCELLED", "the reader went away");

/** Ends the stream when the one who asked gives up. */
export function endWith(stream: Readable, signal: AbortSignal): Readable {
  const giveUp = (): void => void stream.destroy(cancelled());
  signal.addEventListener("abort", giveUp, { once: true });
  stream.once("close", () => signal.removeEventListener("abort", giveUp));
  // One that nobody listens to must not end the agent.
  return stream.on("error", () => undefined);
}
