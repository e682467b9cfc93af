// SPDX-License-Identifier: Apache-2.0

/** The part of an AdmissionReview request (admission.k8s.io/v1) that is read. */
export interface ReviewRequest {
  readonly uid: string;
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly name?: string;
  readonly namespace?: string;
  readonly object?: unknown;
  readonly oldObject?: unknown;
  readonly dryRun?: boolean;
}

/** One step of a JSON patch (RFC 6902). */
export interface PatchStep {
  readonly op: "add" | "replace" | "remove";
  readonly path: string;
  readonly value?: unknown;
}

export interface Verdict {
  readonly allowed: boolean;
  /** What a mutating webhook changes. */
  readonly patch?: readonly PatchStep[];
  /** HTTP status of a denial, 422 for invalid content. */
  readonly code?: number;
  readonly message?: string;
  /** Shown by kubectl; each at most 120 characters by the API's convention. */
  readonly warnings?: readonly string[];
}

export type ReviewErrorCode = "NOT_AN_OBJECT" | "BAD_VERSION" | "NO_REQUEST" | "BAD_UID" | "BAD_REQUEST";

/** The body is no AdmissionReview: answered with HTTP 400. */
export class ReviewError extends Error {
  override readonly name = "ReviewError";
  readonly code: ReviewErrorCode;
  constructor(code: ReviewErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const API_VERSION = "admission.k8s.io/v1";
/** A uid is a UUID; the API server never sends more than this. */
const MAX_UID_CHARS = 128;
const OPERATIONS = new Set(["CREATE", "UPDATE", "DELETE", "CONNECT"]);

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads the request out of a parsed AdmissionReview.
 *
 * @throws {ReviewError} when the document is anything else
 */
export function readReview(body: unknown): ReviewRequest {
  if (!isFields(body)) throw new ReviewError("NOT_AN_OBJECT", "the body is not a JSON object");
  if (body["apiVersion"] !== API_VERSION || body["kind"] !== "AdmissionReview") {
    throw new ReviewError("BAD_VERSION", `expected an AdmissionReview of ${API_VERSION}`);
  }
  const request = body["request"];
  if (!isFields(request)) throw new ReviewError("NO_REQUEST", "the review has no request");
  requireUid(request["uid"]);
  requireShape(request);
  return request as unknown as ReviewRequest;
}

function requireUid(uid: unknown): void {
  if (typeof uid !== "string" || uid === "" || uid.length > MAX_UID_CHARS) {
    throw new ReviewError("BAD_UID", "request.uid is missing or too long");
  }
}

function requireShape(request: Fields): void {
  const { operation, kind } = request;
  if (typeof operation !== "string" || !OPERATIONS.has(operation) || !isFields(kind)) {
    throw new ReviewError("BAD_REQUEST", "request.operation or request.kind is missing or unknown");
  }
  const subject = operation === "DELETE" ? "oldObject" : "object";
  if (!isFields(request[subject])) {
    throw new ReviewError("BAD_REQUEST", `request.${subject} is missing`);
  }
}

/** The AdmissionReview that answers a request; always HTTP 200, the verdict is inside. */
export function answer(uid: string, verdict: Verdict): object {
  const status = verdict.allowed
    ? undefined
    : { code: verdict.code ?? 422, message: verdict.message ?? "denied" };
  return {
    apiVersion: API_VERSION,
    kind: "AdmissionReview",
    response: {
      uid,
      allowed: verdict.allowed,
      ...(status && { status }),
      ...(verdict.allowed && verdict.patch && encoded(verdict.patch)),
      ...(verdict.warnings && verdict.warnings.length > 0 && { warnings: verdict.warnings }),
    },
  };
}

const encoded = (patch: readonly PatchStep[]): object => ({
  patchType: "JSONPatch",
  patch: Buffer.from(JSON.stringify(patch)).toString("base64"),
});
