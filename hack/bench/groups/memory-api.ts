// SPDX-License-Identifier: Apache-2.0
import { on, EventEmitter } from "node:events";
import {
  ApiError,
  type KubeClient,
  type KubeObject,
  type Resource,
  type WatchEvent,
} from "@longshore/operators/runtime";

type Changes = Readonly<Record<string, unknown>>;

interface Since {
  readonly signal: AbortSignal;
  readonly resourceVersion: string;
}

/** Objects without a namespace, in memory. What a call to an API server costs beside them is not in it. */
export class MemoryApi {
  readonly #kinds = new Map<string, Map<string, KubeObject>>();
  readonly #events = new EventEmitter();
  #version = 0;
  /** Calls of `apply` so far. */
  applied = 0;

  put(kind: string, object: KubeObject): KubeObject {
    this.#version += 1;
    const made = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    const objects = this.#objects(kind);
    const type = objects.has(object.metadata.name) ? "MODIFIED" : "ADDED";
    objects.set(object.metadata.name, made);
    this.#events.emit(kind, { type, object: made } satisfies WatchEvent<KubeObject>);
    return made;
  }

  get(kind: string, name: string): KubeObject {
    const found = this.#objects(kind).get(name);
    if (found === undefined)
      throw new ApiError({ code: 404, reason: "NotFound", message: `${name} not found` });
    return found;
  }

  merge(kind: string, name: string, changes: Changes): KubeObject {
    return this.put(
      kind,
      merged(this.get(kind, name) as unknown as Changes, changes) as unknown as KubeObject,
    );
  }

  /** As far as controllers of Nodes and their groups call it. */
  client(): KubeClient {
    const answers: Partial<Record<keyof KubeClient, (...args: never[]) => unknown>> = {
      list: ({ kind }: Resource) => this.#list(kind),
      watch: ({ kind }: Resource, options: Since) => this.#watch(kind, options),
      patch: ({ kind }: Resource, { name }: { name: string }, { body }: { body: Changes }) =>
        Promise.resolve(this.merge(kind, name, body)),
      apply: ({ kind }: Resource, object: { metadata: { name: string }; status: object }) => {
        this.applied += 1;
        return Promise.resolve(this.merge(kind, object.metadata.name, { status: object.status }));
      },
      create: (_: Resource, object: object) => Promise.resolve(object),
      delete: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    return answers as KubeClient;
  }

  #objects(kind: string): Map<string, KubeObject> {
    const known = this.#kinds.get(kind) ?? new Map<string, KubeObject>();
    this.#kinds.set(kind, known);
    return known;
  }

  #list(kind: string): Promise<object> {
    const items = [...this.#objects(kind).values()].map(copied);
    return Promise.resolve({ resourceVersion: String(this.#version), items });
  }

  async *#watch(kind: string, { signal, resourceVersion }: Since): AsyncGenerator<WatchEvent<KubeObject>> {
    const events = on(this.#events, kind, { signal }) as AsyncIterable<[WatchEvent<KubeObject>]>;
    // What changed since the list was made, which may be a while ago.
    const missed = [...this.#objects(kind).values()].filter(
      ({ metadata }) => Number(metadata.resourceVersion) > Number(resourceVersion),
    );
    try {
      for (const object of missed) yield { type: "MODIFIED", object: copied(object) };
      for await (const [event] of events)
        yield event.type === "BOOKMARK" ? event : { ...event, object: copied(event.object) };
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** Informers trim what they are given: each gets a copy of its own of what they take away from. */
const copied = (object: KubeObject): KubeObject => ({ ...object, metadata: { ...object.metadata } });

/** RFC 7386, in new objects. */
function merged(now: Changes, changes: Changes): Changes {
  const entries = Object.entries(changes).map(([key, value]) => {
    const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
    return [key, isMap ? merged((now[key] ?? {}) as Changes, value as Changes) : value] as const;
  });
  const all = Object.entries({ ...now, ...Object.fromEntries(entries) });
  return Object.fromEntries(all.filter(([, value]) => value !== null));
}
