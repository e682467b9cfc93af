// SPDX-License-Identifier: Apache-2.0

export type TunnelMessageErrorCode =
  /** no stream can be told from it */
  | "MALFORMED"
  /** more data than a message may have: its stream is over, for nothing is cut off silently */
  | "TOO_LARGE";

/** A message of KubeEdge's stream tunnel that cannot be taken. */
export class TunnelMessageError extends Error {
  override readonly name = "TunnelMessageError";
  readonly code: TunnelMessageErrorCode;
  /** The stream that it was for, if that much could be read. */
  readonly connection: number | undefined;

  constructor(code: TunnelMessageErrorCode, message: string, connection?: number) {
    super(message);
    this.code = code;
    this.connection = connection;
  }
}
