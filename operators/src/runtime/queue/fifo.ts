// SPDX-License-Identifier: Apache-2.0

export interface Fifo {
  readonly size: number;
  push(key: string): void;
  shift(): string | undefined;
}

const COMPACT_AT = 1024;

/** First in, first out in constant time; an array's own shift() moves everything. */
export function createFifo(): Fifo {
  let keys: string[] = [];
  let head = 0;
  return {
    get size() {
      return keys.length - head;
    },
    push: (key) => void keys.push(key),
    shift() {
      const key = keys[head];
      if (key === undefined) return undefined;
      head++;
      if (head >= COMPACT_AT && head * 2 >= keys.length) {
        keys = keys.slice(head);
        head = 0;
      }
      return key;
    },
  };
}
