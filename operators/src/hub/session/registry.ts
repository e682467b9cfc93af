// SPDX-License-Identifier: Apache-2.0

/** What the registry needs of a session. */
export interface Registered {
  readonly node: string;
  readonly connection: string;
  /** A newer connection of this node has come. */
  supersede(): void;
}

/**
 * The live sessions of a hub, by connection. A node name finds only the newest connection, to wake it: no session is
 * ever ended by node name, or the death of an old socket would take its successor along.
 */
export class SessionRegistry<S extends Registered> {
  readonly #byConnection = new Map<string, S>();
  readonly #newest = new Map<string, S>();

  get size(): number {
    return this.#byConnection.size;
  }

  all(): IterableIterator<S> {
    return this.#byConnection.values();
  }

  /** The newest connection wins; the one before it is told. @returns whether there was one */
  add(session: S): boolean {
    const previous = this.#newest.get(session.node);
    this.#byConnection.set(session.connection, session);
    this.#newest.set(session.node, session);
    previous?.supersede();
    return previous !== undefined;
  }

  /** @returns whether the node has no session left */
  remove(session: S): boolean {
    this.#byConnection.delete(session.connection);
    if (this.#newest.get(session.node) === session) this.#newest.delete(session.node);
    return !this.#newest.has(session.node);
  }

  ofConnection(connection: string): S | undefined {
    return this.#byConnection.get(connection);
  }

  newestOf(node: string): S | undefined {
    return this.#newest.get(node);
  }
}
