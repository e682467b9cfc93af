// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from "node:stream";
import type { StreamHead, StreamRequest } from "./request.ts";

/** A stream that the other side has accepted. */
export interface OpenedStream {
  readonly head: StreamHead;
  /**
   * Bytes of the log or the answer; of an upgrade both ways, the 101 answer first. Ends when the other side has
   * finished; is destroyed with a StreamError when it fails. Destroying it tells the other side.
   */
  readonly stream: Duplex;
}

/** One node, for whoever wants something of it: behind it is a session, KubeEdge's stream tunnel, or another hub. */
export interface StreamOpener {
  /**
   * @param signal gives up; the other side is told
   * @throws {StreamError} when it is refused, the limit is reached, or the node does not answer in time
   */
  open(request: StreamRequest, signal?: AbortSignal): Promise<OpenedStream>;
}
