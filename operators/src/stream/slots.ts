// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "@longshore/crds/stream";

export interface SlotLimits {
  readonly maxStreams: number;
  readonly maxStreamsPerNode: number;
  readonly maxOpening: number;
}

/** Counts what is held, so that nothing is held without bound. Whoever takes must give back exactly once. */
export class Slots {
  readonly #limits: SlotLimits;
  readonly #ofNode = new Map<string, number>();
  #streams = 0;
  #opening = 0;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  /** A request that is not answered yet. @returns gives it back @throws {StreamError} TOO_MANY */
  takeOpening(): () => void {
    const { maxOpening } = this.#limits;
    if (this.#opening >= maxOpening)
      throw new StreamError("TOO_MANY", `this hub opens ${maxOpening} streams at a time, and does so now`);
    this.#opening++;
    return once(() => this.#opening--);
  }

  /** A stream of a node, from before it is opened. @returns gives it back @throws {StreamError} TOO_MANY */
  takeStream(node: string): () => void {
    const { maxStreams, maxStreamsPerNode } = this.#limits;
    const ofNode = this.#ofNode.get(node) ?? 0;
    if (ofNode >= maxStreamsPerNode)
      throw new StreamError("TOO_MANY", `node "${node}" has ${ofNode} streams, which is the limit`);
    if (this.#streams >= maxStreams)
      throw new StreamError("TOO_MANY", `this hub has ${maxStreams} streams, which is the limit`);
    this.#streams++;
    this.#ofNode.set(node, ofNode + 1);
    return once(() => this.#giveBack(node));
  }

  get streams(): number {
    return this.#streams;
  }

  get opening(): number {
    return this.#opening;
  }

  #giveBack(node: string): void {
    this.#streams--;
    const left = (this.#ofNode.get(node) ?? 1) - 1;
    if (left === 0) this.#ofNode.delete(node);
    else this.#ofNode.set(node, left);
  }
}

function once(run: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    run();
  };
}
