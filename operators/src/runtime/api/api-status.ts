// SPDX-License-Identifier: Apache-2.0
import { ApiError, type ApiStatus } from "../errors.ts";

// What a Status would have said, for answers of proxies and load balancers that carry none.
const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  409: "Conflict",
  410: "Gone",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};
const MAX_MESSAGE_CHARS = 1024;

/** The error that an answer with a failing HTTP status stands for. */
export function errorOfResponse(httpCode: number, body: string, retryAfter?: string): ApiError {
  const seconds = retryAfterSeconds(retryAfter);
  const status = statusOf(parsed(body), httpCode, body);
  if (seconds === undefined || status.details?.retryAfterSeconds !== undefined) return new ApiError(status);
  return new ApiError({ ...status, details: { ...status.details, retryAfterSeconds: seconds } });
}

/** The error that a Status object, as it comes in a watch, stands for. */
export const errorOfStatus = (value: unknown): ApiError => new ApiError(statusOf(value, 500, "watch failed"));

/** Nothing came back from the API server. */
export const noAnswer = (reason: "ConnectionFailed" | "Timeout" | "Aborted", cause: unknown): ApiError =>
  new ApiError(
    { code: 0, reason, message: cause instanceof Error ? `${reason}: ${cause.message}` : reason },
    { cause },
  );

/** Whole seconds of a Retry-After header; the API server sends no dates. */
export function retryAfterSeconds(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // plain text of something on the way; it becomes the message
  }
}

function statusOf(value: unknown, httpCode: number, text: string): ApiStatus {
  const status = isRecord(value) && value["kind"] === "Status" ? value : {};
  const code = typeof status["code"] === "number" ? status["code"] : httpCode;
  const reason =
    typeof status["reason"] === "string" && status["reason"] !== "" ? status["reason"] : REASONS[code];
  const message =
    typeof status["message"] === "string" ? status["message"] : text.slice(0, MAX_MESSAGE_CHARS);
  return {
    code,
    reason: reason ?? "Unknown",
    message: message === "" ? `the API server answered ${code}` : message,
    ...(isRecord(status["details"]) && { details: status["details"] }),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
