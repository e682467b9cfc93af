// SPDX-License-Identifier: Apache-2.0
import { hostname } from "node:os";
import type { KubeObject } from "../client.ts";
import { boundedNote, referenceTo, type ObjectReference } from "./event-body.ts";
import type { EventSink } from "./event-sink.ts";

export interface EventDetails {
  readonly type: "Normal" | "Warning";
  /** PascalCase constant: why. */
  readonly reason: string;
  /** PascalCase constant: what was done or tried. */
  readonly action: string;
  /** Under 1 kB, for people; without data that changes at each repeat. */
  readonly note: string;
  readonly related?: ObjectReference;
}

/** Tells people what a controller did. Returns at once; may be dropped; never a control signal. */
export interface EventRecorder {
  event(regarding: KubeObject, details: EventDetails): void;
}

export function createEventRecorder(
  sink: EventSink,
  controller: string,
  wallMs: () => number = Date.now,
): EventRecorder {
  const reportingInstance = `${controller}-${hostname()}`.slice(0, 128);
  return {
    event(regarding, details) {
      sink.record({
        ...details,
        note: boundedNote(details.note),
        regarding: referenceTo(regarding),
        reportingController: controller,
        reportingInstance,
        wallMs: wallMs(),
      });
    },
  };
}
