// SPDX-License-Identifier: Apache-2.0

/**
 * Runs tasks with bounded concurrency; tasks of one key one after the other, in order.
 *
 * Adding never fails: the caller watches `waiting` and stops reading its socket above a limit, so that what waits
 * here is bounded by one chunk of that socket.
 */
export class KeyedQueue<T> {
  readonly #concurrency: number;
  readonly #run: (task: T) => Promise<void>;
  readonly #byKey = new Map<string, T[]>();
  readonly #runnable: string[] = [];
  #running = 0;
  #waiting = 0;

  /** @param run must not throw */
  constructor(concurrency: number, run: (task: T) => Promise<void>) {
    this.#concurrency = concurrency;
    this.#run = run;
  }

  /** Tasks that have not started. */
  get waiting(): number {
    return this.#waiting;
  }

  add(key: string, task: T): void {
    this.#waiting += 1;
    const tasks = this.#byKey.get(key);
    if (tasks === undefined) {
      this.#byKey.set(key, [task]);
      this.#runnable.push(key);
    } else tasks.push(task);
    this.#startNext();
  }

  /** Drops what has not started. */
  clear(): void {
    this.#byKey.clear();
    this.#runnable.length = 0;
    this.#waiting = 0;
  }

  #startNext(): void {
    while (this.#running < this.#concurrency) {
      const key = this.#runnable.shift();
      if (key === undefined) return;
      const task = this.#byKey.get(key)?.shift();
      if (task === undefined) continue;
      this.#waiting -= 1;
      this.#running += 1;
      void this.#work(key, task);
    }
  }

  async #work(key: string, task: T): Promise<void> {
    try {
      await this.#run(task);
    } finally {
      this.#running -= 1;
      const rest = this.#byKey.get(key);
      if (rest !== undefined && rest.length > 0) this.#runnable.push(key);
      else this.#byKey.delete(key);
      this.#startNext();
    }
  }
}
