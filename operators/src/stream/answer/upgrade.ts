// SPDX-License-Identifier: Apache-2.0
import { StreamError, toStreamError, type OpenedStream, type StreamRequest } from "@longshore/crds/stream";
import type { TLSSocket } from "node:tls";
import { failureStatus, failureText, LastWordGate, unsaidText } from "./last-word/index.ts";
import { pour } from "./pour.ts";
import { rawAnswer, refusalOf } from "./refusal.ts";

/** What an upgrade turned into. */
export interface UpgradedStream extends OpenedStream {
  readonly node: string;
  readonly verb: StreamRequest["verb"];
}

export interface UpgradeDeps {
  readonly toEdge: (bytes: number) => void;
  readonly fromEdge: (bytes: number) => void;
  /** How long a connection may be silent when one of its directions has ended. */
  readonly halfClosedMs: number;
}

const REFUSED_LINGER_MS = 5_000;

/**
 * Turns a connection whose upgrade was asked for into a pipe to the edge. The answer to the upgrade is the edge's, and
 * what passes is not understood here. Only when the edge fails in the middle of a command, or ends it without saying
 * how, this side says so: without a word, the API server takes the end of a command for its success.
 *
 * @param open aborted when the connection goes away before there is an answer
 */
export async function serveUpgrade(
  connection: { readonly socket: TLSSocket; readonly head: Buffer },
  open: (signal: AbortSignal) => Promise<UpgradedStream>,
  deps: UpgradeDeps,
): Promise<void> {
  const { socket, head } = connection;
  socket.on("error", () => undefined); // the close that follows decides
  const watch = watchGone(socket);
  try {
    const opened = await open(watch.signal);
    const { stream, node } = opened;
    if (watch.signal.aborted || socket.destroyed)
      stream.destroy(new StreamError("CANCELLED", "whoever asked is gone"));
    else if (stream.destroyed) throw new StreamError("LOST", failureText(node, stream.errored));
    else joinSocket(socket, opened, { ...deps, head });
  } catch (error) {
    refuseUpgrade(socket, toStreamError(error));
  } finally {
    watch.stop();
  }
}

/** Answers with an error, and is done with the connection. */
function refuseUpgrade(socket: TLSSocket, error: StreamError): void {
  if (socket.destroyed) return;
  socket.on("error", () => undefined);
  endWith(socket, rawAnswer(refusalOf(error)), REFUSED_LINGER_MS);
}

/**
 * Says the last of it. What still comes is let pass: a connection that is closed before it was read out is reset, and
 * what was said to it is lost.
 */
function endWith(socket: TLSSocket, last: string | Buffer, lingerMs: number): void {
  socket.setTimeout(lingerMs);
  socket.on("timeout", () => socket.destroy());
  socket.resume();
  socket.end(last);
}

/**
 * Sees a connection go away while nobody reads from it yet. What has come already is left where it is, for the edge.
 */
function watchGone(socket: TLSSocket): { readonly signal: AbortSignal; stop(): void } {
  const abort = new AbortController();
  const gone = (): void => abort.abort();
  const look = (): void => {
    // With nothing there, this is how the end of it comes to light.
    if (socket.readableLength === 0) socket.read();
  };
  socket.on("readable", look);
  socket.on("end", gone);
  socket.on("close", gone);
  return {
    signal: abort.signal,
    stop: () => {
      socket.off("readable", look);
      socket.off("end", gone);
      socket.off("close", gone);
    },
  };
}

function joinSocket(
  socket: TLSSocket,
  { stream, node, verb }: UpgradedStream,
  deps: UpgradeDeps & { readonly head: Buffer },
): void {
  const gate = verb === "exec" || verb === "attach" ? new LastWordGate() : undefined;
  let isAnswered = false;
  const fail = (): void => {
    if (socket.destroyed) return;
    const text = failureText(node, stream.errored);
    const word = isAnswered ? gate?.lastWord(failureStatus(text)) : failedAnswer(text);
    stopToEdge();
    if (word === undefined) socket.destroy();
    else endWith(socket, word, deps.halfClosedMs);
  };
  stream.on("error", () => undefined);
  stream.on("close", () => {
    // Its end may still be on its way to a slow reader.
    if (stream.readableEnded) socket.destroySoon();
    else fail();
  });
  socket.on("close", () => {
    if (!stream.destroyed) stream.destroy(new StreamError("CANCELLED", "whoever asked is gone"));
  });
  const linger = (): void => {
    socket.setTimeout(deps.halfClosedMs);
  };
  socket.on("timeout", () => socket.destroy());
  socket.on("end", linger);
  stream.on("end", linger);
  if (deps.head.length > 0) {
    deps.toEdge(deps.head.length);
    stream.write(deps.head);
  }
  const stopToEdge = pour(socket, stream, deps.toEdge);
  const fromEdge = (bytes: number): void => {
    isAnswered = true;
    deps.fromEdge(bytes);
  };
  const ending = failureStatus(unsaidText(node));
  pour(stream, socket, fromEdge, gate && { pass: (c) => gate.pass(c), rest: () => gate.rest(ending) });
  socket.resume();
}

const failedAnswer = (text: string): string => rawAnswer(refusalOf(new StreamError("LOST", text)));
