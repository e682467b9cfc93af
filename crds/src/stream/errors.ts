// SPDX-License-Identifier: Apache-2.0

/** Why a stream was refused or ended early, with the HTTP status that says so to the API server. */
export const STREAM_STATUS = {
  /** the request is not well formed or out of bounds */
  BAD_REQUEST: 400,
  FORBIDDEN: 403,
  /** pod, container or log is not on this node */
  NOT_FOUND: 404,
  /** a limit of streams is reached */
  TOO_MANY: 429,
  /** the peer sent more than it was granted (B146) */
  FLOW_CONTROL: 500,
  INTERNAL: 500,
  /** the other side does not know this verb */
  UNSUPPORTED: 501,
  // Of all statuses, 500 is the one whose text the API server hands on to kubectl whole.
  /** nobody holds a session of the node */
  OFFLINE: 500,
  /** the session or the hub behind the stream is gone */
  LOST: 500,
  TIMEOUT: 500,
  /** the reader went away */
  CANCELLED: 499,
} as const;

export type StreamErrorCode = keyof typeof STREAM_STATUS;

/** A stream that was refused, or that ended before its time. `message` is for the person who asked. */
export class StreamError extends Error {
  readonly code: StreamErrorCode;

  constructor(code: StreamErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StreamError";
    this.code = code;
  }

  get status(): number {
    return STREAM_STATUS[this.code];
  }
}
