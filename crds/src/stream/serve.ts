// SPDX-License-Identifier: Apache-2.0
import { finished, type Duplex } from "node:stream";
import { StreamError } from "./errors.ts";
import type { IncomingStream } from "./mux-port.ts";
import type { StreamOpener } from "./port.ts";
import type { StreamRequest } from "./request.ts";

/** Where an incoming stream goes. */
export interface StreamTarget {
  readonly opener: StreamOpener;
  readonly request: StreamRequest;
}

/** Judges what was asked. @throws {StreamError} */
export type ResolveStream = (request: unknown) => StreamTarget | Promise<StreamTarget>;

/** Told once of each failure that is not a StreamError; the other side learns only its first line. */
export type OnUnexpected = (error: unknown) => void;

const MAX_MESSAGE_CHARS = 200;

/** What the other side is told: StreamErrors as they are, else INTERNAL with one short line. */
export function toStreamError(error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  const line = (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
  return new StreamError("INTERNAL", line.slice(0, MAX_MESSAGE_CHARS) || "internal error", { cause: error });
}

const isPrematureClose = (error: Error): boolean =>
  "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE";

/**
 * When one is over before its time, so is the other, and for the same reason. When it is over as it should be, what
 * still comes for it is of no use, and is let pass so that the other can end too.
 */
function tie(stream: Duplex, other: Duplex, onUnexpected: OnUnexpected): void {
  finished(stream, (error) => {
    if (!error) {
      other.resume();
      return;
    }
    if (isPrematureClose(error)) {
      other.destroy(new StreamError("CANCELLED", "the stream was closed before its end"));
      return;
    }
    if (!(error instanceof StreamError)) onUnexpected(error);
    other.destroy(toStreamError(error));
  });
}

function flow(from: Duplex, to: Duplex): void {
  if (to.writable) from.pipe(to);
  else from.resume();
}

/**
 * Pipes both ways until both are over. The end of one direction leaves the other; an error of one side destroys the
 * other with the same StreamError.
 */
export function joinStreams(a: Duplex, b: Duplex, onUnexpected: OnUnexpected = () => undefined): void {
  tie(a, b, onUnexpected);
  tie(b, a, onUnexpected);
  flow(a, b);
  flow(b, a);
}

async function answer(
  incoming: IncomingStream,
  resolve: ResolveStream,
  onUnexpected: OnUnexpected,
): Promise<void> {
  const { opener, request } = await resolve(incoming.request);
  const { head, stream } = await opener.open(request, incoming.signal);
  // Joined in the same turn, so that no error of either comes before somebody listens.
  joinStreams(incoming.accept(head), stream, onUnexpected);
}

/** Answers one incoming stream: opens what it asks for, and is a pipe between the two, or refuses it. */
export function serveIncoming(
  incoming: IncomingStream,
  resolve: ResolveStream,
  onUnexpected: OnUnexpected = () => undefined,
): void {
  answer(incoming, resolve, onUnexpected).catch((error: unknown) => {
    if (!(error instanceof StreamError)) onUnexpected(error);
    incoming.refuse(toStreamError(error));
  });
}
