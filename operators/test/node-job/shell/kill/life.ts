// SPDX-License-Identifier: Apache-2.0
import type { Outbox } from "../../../../src/delivery/index.ts";
import type { KubeClient, KubeObject, Resource, WatchEvent } from "../../../../src/runtime/index.ts";

/** Where a manager dies: at its n-th call to the API server or Redis. */
export interface Cut {
  readonly nth: number;
  /** The n-th call of this name; absent: of any. */
  readonly call?: string;
  /** The call happens, and its answer is lost; otherwise it does not happen. */
  readonly happens: boolean;
}

/** Which objects a manager sees: several live beside each other on one API server. */
export type Sees = (object: KubeObject) => boolean;

/** One manager's way to the world outside. Once it is cut, nothing passes any more, in either direction. */
export class Life {
  /** Names of all calls so far. */
  readonly calls: string[] = [];
  /** Resolves when it was cut, and what was on its way then has ended. */
  readonly died: Promise<void>;
  /** Orders that are in the mailbox of a node. */
  readonly ordered = new Set<string>();
  readonly #cut: Cut | undefined;
  readonly #sees: Sees;
  #left: number;
  #isDead = false;
  #bury: () => void = () => undefined;

  constructor(cut: Cut | undefined, sees: Sees) {
    this.#cut = cut;
    this.#left = cut?.nth ?? Infinity;
    this.#sees = sees;
    this.died = new Promise((resolve) => (this.#bury = resolve));
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** The call at which it was cut. */
  get lastCall(): string | undefined {
    return this.#isDead ? this.calls.at(-1) : undefined;
  }

  client(client: KubeClient): KubeClient {
    return new Proxy(client, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== "function" || key === "close") return value;
        const run = value.bind(target) as (resource: Resource, ...more: unknown[]) => unknown;
        if (key === "watch") return this.#watching(run);
        return (resource: Resource, ...more: unknown[]): unknown =>
          this.#call(`${String(key)} ${resource.plural}`, async () =>
            this.#seen(await run(resource, ...more)),
          );
      },
    });
  }

  outbox(outbox: Outbox): Outbox {
    return {
      ...outbox,
      sync: (node, scope, refs, term) =>
        this.#call(`sync ${refs.length === 0 ? "nothing" : "orders"}`, async () => {
          const result = await outbox.sync(node, scope, refs, term);
          if (refs.length > 0) this.ordered.add(node);
          return result;
        }),
      standing: (node, scope, objects) => this.#call("standing", () => outbox.standing(node, scope, objects)),
      // The next manager places every node when it begins.
      onPlacementRequest: (handler) =>
        outbox.onPlacementRequest((node) => {
          if (!this.#isDead) handler(node);
        }),
    };
  }

  async #call<T>(name: string, run: () => Promise<T>): Promise<T> {
    const isCut = this.#isCutAt(name);
    try {
      if (isCut && this.#cut?.happens !== true) throw new Error("cut before it happened");
      const answer = await run();
      this.#live();
      return answer;
    } finally {
      if (isCut) this.#bury();
    }
  }

  #watching(watch: (...args: never[]) => unknown) {
    // Read through a closure: a generator has no `this` of its own kind.
    const begin = (resource: Resource): void => {
      if (!this.#isCutAt(`watch ${resource.plural}`)) return;
      this.#bury();
      this.#live();
    };
    const [live, sees] = [(): void => this.#live(), this.#sees];
    return async function* (resource: Resource, options: object): AsyncGenerator<WatchEvent<KubeObject>> {
      begin(resource);
      const events = watch(resource as never, options as never) as AsyncIterable<WatchEvent<KubeObject>>;
      for await (const event of events) {
        live();
        if (event.type === "BOOKMARK" || sees(event.object)) yield event;
      }
    };
  }

  #seen<T>(answer: T): T {
    const { items } = (answer ?? {}) as { readonly items?: readonly KubeObject[] };
    return items === undefined ? answer : { ...answer, items: items.filter(this.#sees) };
  }

  /** @returns whether it is the last one */
  #isCutAt(name: string): boolean {
    this.#live();
    this.calls.push(name);
    if (this.#cut?.call !== undefined && this.#cut.call !== name) return false;
    this.#left--;
    this.#isDead = this.#left === 0;
    return this.#isDead;
  }

  #live(): void {
    if (this.#isDead) throw new Error("dead");
  }
}
