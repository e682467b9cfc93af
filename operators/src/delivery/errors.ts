// SPDX-License-Identifier: Apache-2.0

export type DeliveryErrorCode = "STALE_TERM" | "NOT_OWNER" | "UNAVAILABLE" | "LIMIT";

/** Any refusal of the delivery layer. `retryable` says whether the same call may succeed later. */
export class DeliveryError extends Error {
  override readonly name = "DeliveryError";
  readonly code: DeliveryErrorCode;
  readonly retryable: boolean;
  constructor(code: DeliveryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === "UNAVAILABLE";
  }
}
