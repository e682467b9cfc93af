// SPDX-License-Identifier: Apache-2.0

/**
 * Lets the connections of one node take the fence one after the other, in the order in which they came.
 *
 * Two calls in flight could reach the mailbox in the other order, and the older connection would hold the session.
 */
export class FenceLine {
  readonly #last = new Map<string, Promise<void>>();

  /** @param step must not throw */
  async enter(node: string, step: () => Promise<void>): Promise<void> {
    const turn = (this.#last.get(node) ?? Promise.resolve()).then(step);
    this.#last.set(node, turn);
    await turn;
    if (this.#last.get(node) === turn) this.#last.delete(node);
  }
}
