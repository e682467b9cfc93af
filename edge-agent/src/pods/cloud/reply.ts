// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import { PodError } from "../model/index.ts";

interface ApiStatus {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The API's own error in a reply, wherever the cloud put it. An error is never an object. */
export function errorOf(frame: Frame): ApiStatus | undefined {
  const { content } = frame;
  if (frame.route.operation === "error") {
    return { message: typeof content === "string" ? content.slice(0, 300) : "refused by the cloud" };
  }
  if (!isRecord(content)) return undefined;
  if (isRecord(content["ErrStatus"])) return content["ErrStatus"];
  const inner = content["Err"];
  if (inner === undefined || inner === null) return undefined;
  return isRecord(inner) && isRecord(inner["ErrStatus"])
    ? inner["ErrStatus"]
    : { message: "refused by the cloud" };
}

const NOT_FOUND_TEXT = /\bnot ?found\b/i;

/** True when what was asked about does not exist any more. */
export const isGone = (status: ApiStatus): boolean =>
  status.code === 404 ||
  status.reason === "NotFound" ||
  (status.code === undefined && NOT_FOUND_TEXT.test(status.message ?? ""));

/**
 * True when the object exists under another uid: ours is gone. A conflict that does not speak of the uid
 * is only one of many writers and passes.
 */
export const isOtherUid = (status: ApiStatus): boolean =>
  (status.code === 409 || status.reason === "Conflict") && /\buid\b/i.test(status.message ?? "");

/** Content of a reply that has to be an object. @throws {PodError} NOT_FOUND, REFUSED */
export function objectOf(frame: Frame, what: string): Readonly<Record<string, unknown>> {
  const failure = errorOf(frame);
  if (failure) {
    const detail = failure.message ?? failure.reason ?? "";
    throw new PodError(isGone(failure) ? "NOT_FOUND" : "REFUSED", `${what}: ${detail}`);
  }
  if (!isRecord(frame.content)) throw new PodError("REFUSED", `${what}: the cloud answered with no object`);
  return frame.content;
}
