// SPDX-License-Identifier: Apache-2.0
import type { JobEvent } from "./port.ts";

/** Of one decision; the API server bears no event per node of ten thousand. */
const MAX_EVENTS = 24;
/** Events take 1 kB at most. */
const MAX_MESSAGE_CHARS = 512;

export interface EventLog {
  note(reason: string, message: string, about?: EventSubject): void;
  warn(reason: string, message: string, about?: EventSubject): void;
  /** What was noted, in its order; what is over the limit is counted by the last. */
  all(): JobEvent[];
}

/** Which node, and which of its steps. */
export type EventSubject = Pick<JobEvent, "node" | "step">;

/** What stays where there is too much: the job's own turns, then what went wrong, then nodes, and steps at last. */
const TURNS: ReadonlySet<string> = new Set([
  ...["Accepted", "Refused", "Retried", "ToleranceExceeded", "Completed", "Failed"],
]);
const STEP = "StepSucceeded";
const rankOf = ({ type, reason }: JobEvent): number => {
  if (TURNS.has(reason)) return 0;
  if (type === "Warning") return 1;
  return reason === STEP ? 3 : 2;
};

export function createEventLog(): EventLog {
  const ranks: Noted[][] = [[], [], [], []];
  let count = 0;
  const add = (happened: JobEvent): void => {
    const event = { ...happened, message: happened.message.slice(0, MAX_MESSAGE_CHARS) };
    const rank = ranks[rankOf(event)];
    if (rank !== undefined && rank.length < MAX_EVENTS) rank.push({ at: count, event });
    count++;
  };
  return {
    note: (reason, message, about) => {
      add({ type: "Normal", reason, message, ...about });
    },
    warn: (reason, message, about) => {
      add({ type: "Warning", reason, message, ...about });
    },
    all() {
      const kept = ranks.flat().slice(0, MAX_EVENTS);
      const events = kept.sort((a, b) => a.at - b.at).map(({ event }) => event);
      return count === events.length ? events : [...events, leftOut(count - events.length)];
    },
  };
}

interface Noted {
  readonly at: number;
  readonly event: JobEvent;
}

const leftOut = (count: number): JobEvent => ({
  ...{ type: "Normal", reason: "MoreHappened" },
  message: `${count} more events of nodes were left out; status.nodeStatus has them all`,
});
