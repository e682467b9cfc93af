// SPDX-License-Identifier: Apache-2.0

export type WireErrorCode =
  | "MALFORMED"
  | "TOO_LARGE"
  | "TOO_DEEP"
  | "TOO_MANY_KEYS"
  | "KEY_TOO_LONG"
  | "FORBIDDEN_KEY"
  | "BAD_FIELD"
  | "BAD_RESOURCE_VERSION"
  | "INVALID_RESOURCE";

/** A frame, resource or key that is not well formed. The message holds no payload. Never retryable. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly code: WireErrorCode;
  /** Id of the refused message, when the frame was readable that far. */
  readonly messageId: string | undefined;
  constructor(code: WireErrorCode, message: string, messageId?: string) {
    super(message);
    this.code = code;
    this.messageId = messageId;
  }
}
