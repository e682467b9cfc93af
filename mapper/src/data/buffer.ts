// SPDX-License-Identifier: Apache-2.0

export interface BufferLimits {
  readonly maxItems: number;
  readonly maxBytes: number;
}

/** What waits to be sent, oldest first, within limits. */
export interface SampleBuffer<T> {
  readonly length: number;
  readonly bytes: number;
  /** Adds the newest; returns how many of the oldest were dropped for it (itself, when it alone is too large). */
  push(item: T): number;
  /** Removes and returns the oldest, at most `count`. */
  take(count: number): T[];
  /** Returns what `take` gave to where it was; what finds no more room is dropped, the oldest first: how many. */
  putBack(items: readonly T[]): number;
  /** Drops the oldest; whether there was one. */
  dropOldest(): boolean;
  /** Removes what matches: how many. */
  remove(matches: (item: T) => boolean): number;
}

/** A shift of an array costs its length, so the front is trimmed only when it is half of it. */
const TRIM_AT = 64;

/** @param sizeOf bytes that an item is counted for; the same each time */
export function createBuffer<T>(limits: BufferLimits, sizeOf: (item: T) => number): SampleBuffer<T> {
  let items: T[] = [];
  let head = 0;
  let bytes = 0;
  const length = (): number => items.length - head;
  const replace = (next: T[]): void => {
    items = next;
    head = 0;
  };

  function take(count: number): T[] {
    const taken = items.slice(head, head + count);
    head += taken.length;
    for (const item of taken) bytes -= sizeOf(item);
    const isMostlyTaken = head >= TRIM_AT && head * 2 >= items.length;
    if (isMostlyTaken || length() === 0) replace(items.slice(head));
    return taken;
  }

  function shrink(): number {
    let dropped = 0;
    while (length() > limits.maxItems || bytes > limits.maxBytes) dropped += take(1).length;
    return dropped;
  }

  return {
    get length() {
      return length();
    },
    get bytes() {
      return bytes;
    },
    push: (item) => {
      const size = sizeOf(item);
      if (size > limits.maxBytes) return 1; // it must not cost the others their place
      items.push(item);
      bytes += size;
      return shrink();
    },
    take,
    putBack: (taken) => {
      replace([...taken, ...items.slice(head)]);
      for (const item of taken) bytes += sizeOf(item);
      return shrink();
    },
    dropOldest: () => take(1).length > 0,
    remove: (matches) => {
      const before = length();
      replace(items.slice(head).filter((item) => !matches(item)));
      bytes = items.reduce((sum, item) => sum + sizeOf(item), 0);
      return before - items.length;
    },
  };
}
