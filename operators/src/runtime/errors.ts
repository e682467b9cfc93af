// SPDX-License-Identifier: Apache-2.0

/** Status of the API server, as far as it is read. */
export interface ApiStatus {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: { readonly retryAfterSeconds?: number; readonly name?: string; readonly kind?: string };
}

/** A refusal of the API server, or no answer from it (`code` 0, reason "ConnectionFailed" or "Timeout"). */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: ApiStatus;
  readonly code: number;
  readonly reason: string;
  constructor(status: ApiStatus, options?: ErrorOptions) {
    super(status.message, options);
    this.status = status;
    this.code = status.code;
    this.reason = status.reason;
  }
  /** The same call may succeed later without a change: no answer, 429, 5xx. */
  get retryable(): boolean {
    return this.code === 0 || this.code === 429 || this.code >= 500;
  }
}

/** Bad input: retrying cannot help until the object changes. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}

const hasReason = (error: unknown, reason: string): boolean =>
  error instanceof ApiError && error.reason === reason;

export const isNotFound = (error: unknown): boolean => hasReason(error, "NotFound");
export const isConflict = (error: unknown): boolean => hasReason(error, "Conflict");
export const isAlreadyExists = (error: unknown): boolean => hasReason(error, "AlreadyExists");
export const isInvalid = (error: unknown): boolean => hasReason(error, "Invalid");
/** The watch's resourceVersion is too old (410): list again. */
export const isExpired = (error: unknown): boolean =>
  error instanceof ApiError && (error.code === 410 || error.reason === "Expired");
