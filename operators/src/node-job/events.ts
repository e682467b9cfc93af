// SPDX-License-Identifier: Apache-2.0
import type { JobEvent } from "./port.ts";

/** Of one decision; the API server bears no event per node of ten thousand. */
const MAX_EVENTS = 24;
/** Events take 1 kB at most. */
const MAX_MESSAGE_CHARS = 512;

export interface EventLog {
  note(reason: string, message: string): void;
  warn(reason: string, message: string): void;
  /** What was noted; what was over the limit is counted by the last. */
  all(): JobEvent[];
}

export function createEventLog(): EventLog {
  const kept: JobEvent[] = [];
  let left = 0;
  const add = (type: JobEvent["type"], reason: string, message: string): void => {
    if (kept.length < MAX_EVENTS) kept.push({ type, reason, message: message.slice(0, MAX_MESSAGE_CHARS) });
    else left++;
  };
  return {
    note: (reason, message) => {
      add("Normal", reason, message);
    },
    warn: (reason, message) => {
      add("Warning", reason, message);
    },
    all: () => (left === 0 ? kept : [...kept, leftOut(left)]),
  };
}

const leftOut = (count: number): JobEvent => ({
  ...{ type: "Normal", reason: "MoreHappened" },
  message: `${count} more events of nodes were left out; status.nodeStatus has them all`,
});
