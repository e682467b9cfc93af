// SPDX-License-Identifier: Apache-2.0
import { readAnswer, readOrder, reportFrame, reportOf, type TakenStep, type TaskOrder } from "./orders.ts";

/** Our agent's times: a report that is not answered, and one that was refused, are sent again after so long. */
const ANSWER_MS = 60_000;
const RETRY_MS = 2_000;

/** How long a pull takes, evenly spread; an agent tells progress of what takes more than 10 s. */
export interface PullTimes {
  readonly leastMs: number;
  readonly mostMs: number;
}

interface Waiting {
  readonly done: (isOk: boolean) => void;
}

/**
 * Does the tasks of one simulated edge: the check at once, the pull after a random time. It reports as our agent does,
 * that is after the check, when the pull begins and when it has ended, and repeats each report until the hub has
 * answered. A task that was done is done once.
 */
export class SimulatedTasks {
  readonly #node: string;
  readonly #times: PullTimes;
  readonly #taken = new Set<string>();
  readonly #waiting = new Map<string, Waiting>();
  /** Sends on the session that is open now, if one is. */
  #send: (text: string) => void = () => undefined;

  constructor(node: string, times: PullTimes) {
    this.#node = node;
    this.#times = times;
  }

  opened(send: (text: string) => void): void {
    this.#send = send;
  }

  /** @param text of a frame that carries an order */
  ordered(text: string): void {
    const order = readOrder(text);
    const key = `${order.uid}/${order.attempt}`;
    if (this.#taken.has(key)) return;
    this.#taken.add(key);
    void this.#do(order);
  }

  /** @param text of a frame that may answer a report */
  answered(text: string): void {
    const answer = readAnswer(text);
    if (answer !== undefined) this.#waiting.get(answer.to)?.done(answer.isOk);
  }

  async #do(order: TaskOrder): Promise<void> {
    const { leastMs, mostMs } = this.#times;
    const steps: TakenStep[] = [{ action: "Check", time: new Date().toISOString() }];
    await this.#report(order, steps);
    await later(leastMs + Math.random() * (mostMs - leastMs));
    await this.#report(order, [...steps, { action: "Pull", time: new Date().toISOString() }]);
  }

  async #report(order: TaskOrder, steps: readonly TakenStep[]): Promise<void> {
    const report = reportOf(order, steps);
    for (let isStored = false; !isStored;) {
      const { id, text } = reportFrame(this.#node, order, report);
      this.#send(text);
      isStored = await this.#answer(id);
    }
  }

  #answer(id: string): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (isOk: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        if (isOk) resolve(true);
        else void later(RETRY_MS).then(() => resolve(false));
      };
      const timer = setTimeout(() => done(false), ANSWER_MS);
      timer.unref();
      this.#waiting.set(id, { done });
    });
  }
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
