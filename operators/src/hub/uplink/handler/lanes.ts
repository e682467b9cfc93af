// SPDX-License-Identifier: Apache-2.0

interface Step<T> {
  /** A newer step that may replace this one is merged into it while it waits. */
  readonly isReplaceable: boolean;
  readonly items: T[];
  readonly run: (items: readonly T[]) => Promise<void>;
  readonly finished: Promise<void>;
  readonly finish: () => void;
}

/**
 * One line of work for each key: steps of a key run one after the other. A replaceable step that waits is merged
 * with the next replaceable one, so that only the newest is written however many came in the meantime.
 */
export class Lanes<T> {
  readonly #lanes = new Map<string, Step<T>[]>();
  readonly #maxWaiting: number;

  /** @param maxWaiting steps, and items of one merged step, that may wait behind one key */
  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** Keys with something running or waiting. */
  get size(): number {
    return this.#lanes.size;
  }

  /** So much was merged that its senders should wait, before more is refused. */
  isCrowded(key: string): boolean {
    return (this.#lanes.get(key)?.at(-1)?.items.length ?? 0) >= this.#maxWaiting / 2;
  }

  /**
   * @param run gets the items of all merged steps, the newest last; must not throw
   * @returns resolves when the step has run; undefined when the key's line is full
   */
  add(
    key: string,
    item: T,
    { isReplaceable, run }: Pick<Step<T>, "isReplaceable" | "run">,
  ): Promise<void> | undefined {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return this.#start(key, newStep(item, isReplaceable, run));
    const last = lane.at(-1);
    if (lane.length > 1 && isReplaceable && last?.isReplaceable === true) return this.#merge(last, item);
    if (lane.length > this.#maxWaiting) return undefined;
    const step = newStep(item, isReplaceable, run);
    lane.push(step);
    return step.finished;
  }

  #merge(step: Step<T>, item: T): Promise<void> | undefined {
    if (step.items.length >= this.#maxWaiting) return undefined;
    step.items.push(item);
    return step.finished;
  }

  #start(key: string, step: Step<T>): Promise<void> {
    const lane = [step];
    this.#lanes.set(key, lane);
    void this.#drain(key, lane);
    return step.finished;
  }

  async #drain(key: string, lane: Step<T>[]): Promise<void> {
    // The running step stays at the head, so that a newcomer is never merged into it.
    for (let step = lane[0]; step !== undefined; step = lane[0]) {
      try {
        await step.run(step.items);
      } finally {
        lane.shift();
        if (lane.length === 0) this.#lanes.delete(key);
        step.finish();
      }
    }
  }
}

function newStep<T>(item: T, isReplaceable: boolean, run: Step<T>["run"]): Step<T> {
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { isReplaceable, items: [item], run, finished, finish: () => finish() };
}
