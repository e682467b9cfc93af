// SPDX-License-Identifier: Apache-2.0

export type JoinStatus = 400 | 401 | 403 | 404 | 413 | 429 | 500 | 503;

/** A request on the join port that is refused. The message goes to the peer as plain text: short, without detail. */
export class JoinError extends Error {
  override readonly name = "JoinError";
  readonly status: JoinStatus;
  /** For the counter and the log. */
  readonly reason: string;
  constructor(status: JoinStatus, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}
