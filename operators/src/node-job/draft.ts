// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import { createEventLog, type EventLog } from "./events.ts";
import type { DecideInput, Job, Task } from "./port.ts";
import { timeOf } from "./times.ts";
import { wordsOf } from "./words-v1alpha1.ts";
import type { Sizes } from "./sizes.ts";

/** The tasks of one job while one decision is made. */
export interface Draft {
  readonly input: DecideInput;
  readonly job: Job;
  /** Unchanged ones are the very objects that were stored. */
  readonly tasks: Task[];
  readonly events: EventLog;
  /** RFC 3339 */
  readonly now: string;
  /** Something is different. */
  hasNews: boolean;
  /** Something is different that is worth a write soon. */
  isChanged: boolean;
  /** Some node tries again. */
  isRetried: boolean;
  /** Puts a task in the place of the one that is there; `minor`: its progress alone is new. */
  put(index: number, task: Task, minor?: "minor"): void;
}

/** @param stored tasks as they were last written */
export function createDraft(input: DecideInput, stored: readonly Task[], sizes: Sizes): Draft {
  const draft: Draft = {
    ...{ input, job: input.job, tasks: [...stored], events: createEventLog(), now: timeOf(input.nowMs) },
    ...{ hasNews: false, isChanged: false, isRetried: false },
    put(index, task, minor) {
      const fitted = sizes.fit(withWords(input.job, task));
      if (isDeepStrictEqual(fitted, draft.tasks[index])) return; // what did not fit is no news when it comes again
      draft.tasks[index] = fitted;
      draft.hasNews = true;
      if (minor === undefined) draft.isChanged = true;
    },
  };
  return draft;
}

function withWords(job: Job, { state: _state, event: _event, ...task }: Task): Task {
  if (job.kind === "ConfigUpdateJob") return task;
  return {
    ...task,
    ...wordsOf({ ...task, ...(_state && { state: _state }), ...(_event && { event: _event }) }),
  };
}
