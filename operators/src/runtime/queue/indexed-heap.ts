// SPDX-License-Identifier: Apache-2.0

/** A binary heap of distinct elements that can also be taken out of the middle. All steps are O(log n). */
export interface IndexedHeap<T> {
  readonly size: number;
  has(element: T): boolean;
  peek(): T | undefined;
  push(element: T): void;
  pop(): T | undefined;
  /** Takes it out, if it is in. */
  remove(element: T): boolean;
}

/** @param before strict order; must not change for an element while it is in the heap */
export function createIndexedHeap<T>(before: (a: T, b: T) => boolean): IndexedHeap<T> {
  const elements: T[] = [];
  const positions = new Map<T, number>();

  const place = (element: T, at: number): void => {
    elements[at] = element;
    positions.set(element, at);
  };
  const isBefore = (a: number, b: number): boolean => {
    const [x, y] = [elements[a], elements[b]];
    return x !== undefined && y !== undefined && before(x, y);
  };
  const swap = (a: number, b: number): void => {
    const [x, y] = [elements[a], elements[b]];
    if (x === undefined || y === undefined) return;
    place(y, a);
    place(x, b);
  };
  const up = (from: number): void => {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!isBefore(at, parent)) return;
      swap(at, parent);
      at = parent;
    }
  };
  const down = (from: number): void => {
    for (let at = from; ;) {
      const left = 2 * at + 1;
      const child = isBefore(left + 1, left) ? left + 1 : left;
      if (!isBefore(child, at)) return;
      swap(at, child);
      at = child;
    }
  };
  const removeAt = (at: number): T | undefined => {
    const element = elements[at];
    const last = elements.pop();
    if (element === undefined || last === undefined) return undefined;
    positions.delete(element);
    if (last !== element) {
      place(last, at);
      up(at);
      down(at);
    }
    return element;
  };

  return {
    get size() {
      return elements.length;
    },
    has: (element) => positions.has(element),
    peek: () => elements[0],
    push(element) {
      if (positions.has(element)) return;
      place(element, elements.length);
      up(elements.length - 1);
    },
    pop: () => removeAt(0),
    remove(element) {
      const at = positions.get(element);
      return at !== undefined && removeAt(at) !== undefined;
    },
  };
}
