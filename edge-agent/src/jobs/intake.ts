// SPDX-License-Identifier: Apache-2.0
import type { JobKind } from "@longshore/crds/tasks";
import type { Frame } from "@longshore/crds/wire";
import { orderOfFrame } from "./legacy.ts";
import type { Order } from "./port.ts";
import type { TaskBook } from "./records.ts";
import { taskKey, type Task } from "./task.ts";

/** An order that a CloudCore sent, and the id of its message. */
export interface Taken {
  readonly order: Order;
  readonly message: string;
}

/** What becomes of a CloudCore's message. */
export type Verdict =
  | { readonly do: "accept" }
  /** It is known: the cloud is told once more. */
  | { readonly do: "tell"; readonly key: string }
  | { readonly do: "refuse"; readonly kind: JobKind | undefined };

/** A CloudCore's orders until they are durable: it sends each once. */
export class Intake {
  readonly #book: TaskBook;
  readonly #limits: { readonly node: string; readonly maxTasks: number };
  /** By job. */
  readonly #waiting = new Map<string, Taken>();

  constructor(book: TaskBook, limits: { readonly node: string; readonly maxTasks: number }) {
    this.#book = book;
    this.#limits = limits;
  }

  take(frame: Frame): Verdict {
    const order = orderOfFrame(frame, this.#limits.node);
    if (order === undefined) return { do: "refuse", kind: undefined };
    const message = frame.header.msg_id;
    const last = this.#book.list().findLast((task) => task.order.uid === order.uid);
    if (last !== undefined && isSame(last, message)) return { do: "tell", key: taskKey(last.order) };
    if (!this.#hasRoom(order)) return { do: "refuse", kind: order.kind };
    const attempt = (last?.order.attempt ?? 0) + 1;
    this.#waiting.set(order.uid, { message, order: { ...order, attempt } });
    return { do: "accept" };
  }

  waiting(): readonly Taken[] {
    return [...this.#waiting.values()];
  }

  /** It is durable. */
  stored({ order }: Taken): void {
    this.#waiting.delete(order.uid);
  }

  #hasRoom({ uid }: Order): boolean {
    const open = this.#book.list().filter(({ state }) => state !== "ended");
    return this.#waiting.has(uid) || open.length + this.#waiting.size < this.#limits.maxTasks;
  }
}

/** Another message after the task has ended is of a job that was created anew. */
const isSame = (task: Task, message: string): boolean => task.state !== "ended" || task.message === message;
