// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import type { KubeObject } from "../client.ts";

export interface ObjectReference {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
}

/** An event of events.k8s.io/v1 but for its name and times. */
export interface EventBody {
  readonly regarding: ObjectReference;
  readonly related?: ObjectReference;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly action: string;
  readonly note: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  /** When it happened. */
  readonly wallMs: number;
}

/** The API server refuses notes of 1024 bytes and more. */
const MAX_NOTE_BYTES = 1000;

export function referenceTo(object: KubeObject): ObjectReference {
  const { name, namespace, uid } = object.metadata;
  return {
    ...(object.apiVersion !== undefined && { apiVersion: object.apiVersion }),
    ...(object.kind !== undefined && { kind: object.kind }),
    ...(namespace !== undefined && namespace !== "" && { namespace }),
    name,
    uid,
  };
}

/** Events of one key are one event with a count. The note is left out, as in client-go. */
export const seriesKey = (e: EventBody): string =>
  JSON.stringify([e.regarding, e.related, e.type, e.reason, e.action, e.reportingController]);

export const eventName = (e: EventBody): string =>
  `${e.regarding.name.slice(0, 230)}.${randomBytes(8).toString("hex")}`;

/** Cut at a character, not within one. */
export function boundedNote(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= MAX_NOTE_BYTES) return note;
  return `${bytes
    .subarray(0, MAX_NOTE_BYTES - 3)
    .toString("utf8")
    .replace(/\uFFFD+$/, "")}…`;
}
