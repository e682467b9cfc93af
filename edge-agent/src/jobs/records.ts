// SPDX-License-Identifier: Apache-2.0
import type { RecordStore } from "../store/port.ts";
import { taskKey, type Task } from "./task.ts";

/** Records of tasks, by `<job uid>/<attempt>`. */
export const TASK_BUCKET = "jobs";

/** The tasks of this node. What it shows is durable; changes of one task come one after the other. */
export interface TaskBook {
  get(key: string): Task | undefined;
  /** By the order in which they came. */
  list(): readonly Task[];
  /** Resolves when the task is durable. One that is known stays as it is. @throws {StoreError} */
  add(task: Task): Promise<void>;
  /**
   * Resolves, to the task as it is then, when what `change` makes of the newest one is durable; to undefined when there
   * is none any more. @throws {StoreError}
   */
  change(key: string, change: (task: Task) => Task): Promise<Task | undefined>;
  /** Removes the task if `still` holds for the newest one. @throws {StoreError} */
  remove(key: string, still: (task: Task) => boolean): Promise<void>;
}

/** Keeps tasks in the agent's records; reads are from memory. */
export function createTaskBook(records: RecordStore): TaskBook {
  const turns = new Map<string, Promise<unknown>>();
  const get = (key: string): Task | undefined => records.get(TASK_BUCKET, key) as Task | undefined;
  const inTurn = <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const before = turns.get(key) ?? Promise.resolve();
    const done = before.then(work, work);
    turns.set(key, done);
    const forget = (): void => {
      if (turns.get(key) === done) turns.delete(key);
    };
    done.then(forget, forget);
    return done;
  };
  return {
    get,
    list: () =>
      records
        .list(TASK_BUCKET)
        .map(([, task]) => task as Task)
        .sort((a, b) => a.sequence - b.sequence),
    add: (task) => {
      const key = taskKey(task.order);
      return inTurn(key, async () => {
        if (get(key) === undefined) await records.put(TASK_BUCKET, key, task);
      });
    },
    change: (key, change) =>
      inTurn(key, async () => {
        const task = get(key);
        if (task === undefined) return undefined;
        const changed = change(task);
        if (changed !== task) await records.put(TASK_BUCKET, key, changed);
        return changed;
      }),
    remove: (key, still) =>
      inTurn(key, async () => {
        const task = get(key);
        if (task !== undefined && still(task)) await records.delete(TASK_BUCKET, key);
      }),
  };
}
