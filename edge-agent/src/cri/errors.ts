// SPDX-License-Identifier: Apache-2.0
import { status } from "@grpc/grpc-js";

/** What a call failed of; RUNTIME is every failure that gRPC has no better name for. */
export type CriErrorCode =
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "DEADLINE"
  | "UNAVAILABLE"
  | "UNIMPLEMENTED"
  | "CANCELLED"
  | "INVALID"
  | "RUNTIME";

const CODES: Readonly<Partial<Record<number, CriErrorCode>>> = {
  [status.NOT_FOUND]: "NOT_FOUND",
  [status.ALREADY_EXISTS]: "ALREADY_EXISTS",
  [status.DEADLINE_EXCEEDED]: "DEADLINE",
  [status.UNAVAILABLE]: "UNAVAILABLE",
  [status.UNIMPLEMENTED]: "UNIMPLEMENTED",
  [status.CANCELLED]: "CANCELLED",
  [status.INVALID_ARGUMENT]: "INVALID",
};

/** A call that the container runtime refused, did not answer in time, or could not be asked. */
export class CriError extends Error {
  override readonly name = "CriError";
  readonly code: CriErrorCode;
  readonly method: string;
  readonly retryable: boolean;
  constructor(code: CriErrorCode, method: string, message: string, options?: ErrorOptions) {
    super(`${method}: ${message}`, options);
    this.code = code;
    this.method = method;
    this.retryable = code !== "INVALID" && code !== "UNIMPLEMENTED";
  }
}

interface GrpcFailure extends Error {
  readonly code?: number;
  readonly details?: string;
}

/** Turns what grpc-js reports into ours, keeping the runtime's own words as the message. */
export function toCriError(method: string, cause: GrpcFailure): CriError {
  const code = CODES[cause.code ?? -1] ?? "RUNTIME";
  return new CriError(code, method, cause.details ?? cause.message, { cause });
}

/** True when the runtime does not know what was asked about. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof CriError && error.code === "NOT_FOUND";
