// SPDX-License-Identifier: Apache-2.0
import { StreamError, toStreamError, type OpenedStream } from "@longshore/crds/stream";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { pour } from "./pour.ts";
import { rawAnswer, refusalOf } from "./refusal.ts";

export interface UpgradeDeps {
  readonly toEdge: (bytes: number) => void;
  readonly fromEdge: (bytes: number) => void;
  /** How long a connection may be silent when one of its directions has ended. */
  readonly halfClosedMs: number;
}

const REFUSED_LINGER_MS = 5_000;

/**
 * Turns a connection whose upgrade was asked for into a pipe to the edge. Nothing of it is read here, not even the
 * answer to the upgrade, which is the edge's.
 *
 * @param open aborted when the connection goes away before there is an answer
 */
export async function serveUpgrade(
  connection: { readonly socket: TLSSocket; readonly head: Buffer },
  open: (signal: AbortSignal) => Promise<OpenedStream>,
  deps: UpgradeDeps,
): Promise<void> {
  const { socket, head } = connection;
  socket.on("error", () => undefined); // the close that follows decides
  const watch = watchGone(socket);
  try {
    const { stream } = await open(watch.signal);
    if (watch.signal.aborted) stream.destroy(new StreamError("CANCELLED", "whoever asked is gone"));
    else joinSocket(socket, stream, { ...deps, head });
  } catch (error) {
    refuseUpgrade(socket, toStreamError(error));
  } finally {
    watch.stop();
  }
}

/** Answers with an error, and is done with the connection. */
function refuseUpgrade(socket: Duplex & { setTimeout(ms: number): unknown }, error: StreamError): void {
  if (socket.destroyed) return;
  socket.on("error", () => undefined);
  socket.setTimeout(REFUSED_LINGER_MS);
  socket.on("timeout", () => socket.destroy());
  socket.resume();
  socket.end(rawAnswer(refusalOf(error)));
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

function joinSocket(socket: TLSSocket, stream: Duplex, deps: UpgradeDeps & { readonly head: Buffer }): void {
  stream.on("error", () => undefined);
  stream.on("close", () => {
    // Its end may still be on its way to a slow reader.
    if (stream.readableEnded) socket.destroySoon();
    else socket.destroy();
  });
  socket.on("close", () => {
    if (!stream.destroyed) stream.destroy(new StreamError("CANCELLED", "whoever asked is gone"));
  });
  if (stream.destroyed || socket.destroyed) {
    stream.destroy();
    socket.destroy();
    return;
  }
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
  pour(socket, stream, deps.toEdge);
  pour(stream, socket, deps.fromEdge);
  socket.resume();
}
