// SPDX-License-Identifier: Apache-2.0
import type { Confirmations } from "./port.ts";
import type { TaskBook } from "./records.ts";
import { advance, taskKey, type Task } from "./task.ts";

/** What confirmations need of the engine. */
export interface ConfirmationDeps {
  /** False once its order was withdrawn. */
  readonly mayGoOn: (task: Task) => boolean;
  readonly onConfirmed: () => void;
}

/** Lets the task go on that has waited longest; it goes on after a crash as well. */
export function createConfirmations(book: TaskBook, deps: ConfirmationDeps): Confirmations {
  const confirmTask = async ({ order }: Task): Promise<boolean> => {
    let wasWaiting = false;
    await book.change(taskKey(order), (now) => {
      wasWaiting = now.state === "confirming" && deps.mayGoOn(now);
      return wasWaiting ? advance(now, { type: "confirm" }) : now;
    });
    return wasWaiting;
  };
  return {
    confirm: async () => {
      for (const task of book.list().filter(({ state }) => state === "confirming")) {
        if (!(await confirmTask(task))) continue; // somebody else did meanwhile, or it was withdrawn
        deps.onConfirmed();
        return task.order.name;
      }
      return undefined;
    },
  };
}
