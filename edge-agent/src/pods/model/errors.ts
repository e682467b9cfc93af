// SPDX-License-Identifier: Apache-2.0

export type PodErrorCode =
  /** the pod cannot be run as written */
  | "INVALID"
  /** an object that it refers to is not there */
  | "NOT_FOUND"
  /** an object could not be asked for: the cloud is away */
  | "UNREACHABLE"
  /** the cloud answered with an error */
  | "REFUSED"
  /** a mount, a file or a process of the host failed */
  | "HOST";

/** Why a pod cannot go on right now. Every one is tried again unless the pod changes. */
export class PodError extends Error {
  override readonly name = "PodError";
  readonly code: PodErrorCode;
  readonly retryable: boolean;
  constructor(code: PodErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code !== "INVALID";
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
