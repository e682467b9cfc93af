// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";

/** What a reply to an insert, update or patch says. */
export interface ObjectReply {
  readonly object: Record<string, unknown> | undefined;
  /** HTTP code of the API server's refusal; 0 for a refusal without one; undefined when it was no refusal. */
  readonly errorCode: number | undefined;
  readonly reason: string;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads KubeEdge's `{Object, Err}`, a bare `{ErrStatus}` and an `error` frame. */
export function readObjectReply(frame: Frame): ObjectReply {
  const content = isRecord(frame.content) ? frame.content : {};
  if (frame.route.operation === "error") return { object: undefined, errorCode: 0, reason: "refused" };
  const error = isRecord(content["Err"]) ? content["Err"] : content;
  const status = error["ErrStatus"];
  if (isRecord(content["Err"]) || isRecord(status)) return { object: undefined, ...readStatus(status) };
  return {
    object: isRecord(content["Object"]) ? content["Object"] : undefined,
    errorCode: undefined,
    reason: "",
  };
}

function readStatus(status: unknown): { errorCode: number; reason: string } {
  const { code, reason } = isRecord(status) ? status : {};
  return { errorCode: typeof code === "number" ? code : 0, reason: typeof reason === "string" ? reason : "" };
}
