// SPDX-License-Identifier: Apache-2.0
import { ApiError } from "../../../runtime/errors.ts";
import { UplinkRefusal, type RefusalReason } from "./refusal.ts";

/** metav1.Status, whole: an edge takes an error without one for success with an empty reason. */
export interface Status {
  readonly metadata: object;
  readonly status: "Failure";
  readonly message: string;
  readonly reason: string;
  readonly details?: object;
  readonly code: number;
}

/** `{"Object":…,"Err":…}`: how writes of an edge are answered. */
export interface ObjectResponse {
  readonly Object: object | null;
  readonly Err: { readonly ErrStatus: Status } | null;
}

export const done = (object: object): ObjectResponse => ({ Object: object, Err: null });
export const failed = (error: unknown, object: object | null = null): ObjectResponse => ({
  Object: object,
  Err: { ErrStatus: statusOf(error) },
});

const CODES: Readonly<Record<RefusalReason, readonly [code: number, reason: string]>> = {
  BAD: [400, "BadRequest"],
  FORBIDDEN: [403, "Forbidden"],
  NOT_FOUND: [404, "NotFound"],
  STALE_UID: [409, "Conflict"],
  UNSUPPORTED: [405, "MethodNotAllowed"],
  RATE: [429, "TooManyRequests"],
  LATER: [503, "ServiceUnavailable"],
};

/** Any failure as a full Status. What is neither a refusal nor the API server's stays unexplained to the edge. */
export function statusOf(error: unknown): Status {
  if (error instanceof UplinkRefusal) {
    const [code, reason] = CODES[error.reason];
    return status(code, reason, error.message);
  }
  if (!(error instanceof ApiError)) return status(500, "InternalError", "internal error of the hub");
  if (error.code === 0) return status(503, "ServiceUnavailable", "the API server cannot be reached");
  return status(error.code, error.reason, error.message, error.status.details);
}

function status(code: number, reason: string, message: string, details?: object): Status {
  return {
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  };
}

/**
 * The plain text of a refused query. Never JSON: a KubeEdge edge would store it as the object. A handler that
 * must not tell whether an object exists refuses as FORBIDDEN in both cases, so that the texts are the same.
 */
export function refusalText(error: unknown): string {
  const { code, reason } = statusOf(error);
  if (code === 403) return "FORBIDDEN: not granted to this node, or missing";
  if (code === 404) return "NotFound: the object was not found";
  return `${reason}: the request failed with code ${code}`;
}

/** What the API server says about content, whoever sends it. */
const CONTENT_CODES: ReadonlySet<number> = new Set([400, 413, 422]);

/** The same request can succeed later: all but what is wrong with the request itself. */
export function isPassing(error: unknown): boolean {
  if (error instanceof UplinkRefusal) return error.reason === "RATE" || error.reason === "LATER";
  return !(error instanceof ApiError && CONTENT_CODES.has(error.code));
}
