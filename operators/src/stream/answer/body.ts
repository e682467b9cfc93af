// SPDX-License-Identifier: Apache-2.0
import type { OpenedStream } from "@longshore/crds/stream";
import type { ServerResponse } from "node:http";
import { pour } from "./pour.ts";

/**
 * Answers with what the stream brings, as it comes. A failure in the middle cuts the connection, so that nobody takes
 * half a log for a whole one; whoever asked may go away at any time, which ends the stream.
 */
export function sendBody(
  { head, stream }: OpenedStream,
  response: ServerResponse,
  onBytes: (bytes: number) => void,
): void {
  stream.on("error", () => undefined); // the close that follows decides
  response.on("error", () => undefined);
  stream.on("close", () => {
    if (!stream.readableEnded) response.destroy();
  });
  response.on("close", () => {
    if (!stream.destroyed) stream.destroy();
  });
  // Its other direction has nothing to say, and would keep it open.
  stream.on("end", () => stream.end());
  if (stream.destroyed || response.destroyed) {
    stream.destroy();
    response.destroy();
    return;
  }
  response.writeHead(200, { "content-type": head.contentType ?? "text/plain" });
  // The first line may be hours away, and whoever asked waits for the head.
  response.flushHeaders();
  pour(stream, response, onBytes);
}
