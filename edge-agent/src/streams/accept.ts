// SPDX-License-Identifier: Apache-2.0
import {
  readStreamRequest,
  serveIncoming,
  toStreamError,
  type IncomingStream,
  type StreamErrorCode,
  type StreamOpener,
  type StreamRequest,
} from "@longshore/crds/stream";
import type { AgentLog } from "../log.ts";

/** Who is told of what was not served. */
export interface AcceptDeps {
  readonly log: AgentLog;
  /** What was asked is no request that this node knows. */
  readonly onMalformed: (code: StreamErrorCode) => void;
}

/** Serves what the other side of a connection opens. Here, and nowhere else on the way, a request is judged. */
export function acceptStreams(opener: StreamOpener, deps: AcceptDeps): (incoming: IncomingStream) => void {
  const judge = (request: unknown): StreamRequest => {
    try {
      return readStreamRequest(request);
    } catch (error) {
      const { code, message } = toStreamError(error);
      deps.log.warn({ code, reason: message }, "a stream was asked for in a way that is not known here");
      deps.onMalformed(code);
      throw error;
    }
  };
  return (incoming) =>
    serveIncoming(
      incoming,
      (request) => ({ opener, request: judge(request) }),
      (err) => deps.log.warn({ err }, "a stream failed"),
    );
}
