// SPDX-License-Identifier: Apache-2.0
import { formatKey } from "@longshore/crds/wire";
import type { Clock } from "../../clock.ts";
import type { DesiredStore, RecordStore } from "../../store/port.ts";
import type { Uplink } from "../../tunnel/port.ts";
import { type DataObject, type DataObjects, messageOf, PodError } from "../model/index.ts";
import { objectOf } from "./reply.ts";

/** What asking for objects needs of the agent. */
export interface ObjectDeps {
  readonly clock: Clock;
  readonly store: DesiredStore;
  readonly records: RecordStore;
  readonly uplink: Uplink;
  readonly queryTimeoutMs: number;
}

/** Objects that were asked for and not pushed; kept so that the node can restart its pods with no cloud. */
export const QUERIED_BUCKET = "pods/queried";

async function ask(deps: ObjectDeps, resource: string, key: string): Promise<DataObject | undefined> {
  try {
    const frame = await deps.uplink.request(
      { operation: "query", resource, content: null },
      { timeoutMs: deps.queryTimeoutMs },
    );
    const object = objectOf(frame, resource) as DataObject;
    await deps.records.put(QUERIED_BUCKET, key, object);
    return object;
  } catch (error) {
    if (error instanceof PodError && error.code === "NOT_FOUND") {
      await deps.records.delete(QUERIED_BUCKET, key);
      return undefined;
    }
    if (error instanceof PodError) throw error;
    throw new PodError("UNREACHABLE", `${resource}: ${messageOf(error)}`, { cause: error });
  }
}

/** An answer is used this long before it is asked for again: a cloud pushes changes of what was asked for once. */
const FRESH_MS = 600_000;

/** What could not be had is asked for again after a pause that doubles. */
const MISS_BASE_MS = 2_000;
const MISS_CAP_MS = 60_000;

interface Miss {
  readonly count: number;
  readonly untilMs: number;
  /** undefined: the object does not exist */
  readonly error: PodError | undefined;
}

/** Objects that the cloud lately did not have or did not give. */
class Misses {
  readonly #known = new Map<string, Miss>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The last answer, while its pause lasts. */
  recent(key: string): Miss | undefined {
    const miss = this.#known.get(key);
    return miss && this.#clock.monotonicMs() < miss.untilMs ? miss : undefined;
  }

  note(key: string, error?: PodError): void {
    // Asked for by several pods at once: one miss.
    if (this.recent(key)) return;
    const count = (this.#known.get(key)?.count ?? 0) + 1;
    const pauseMs = Math.min(MISS_CAP_MS, MISS_BASE_MS * 2 ** Math.min(count - 1, 10));
    this.#known.set(key, { count, untilMs: this.#clock.monotonicMs() + pauseMs, error });
  }

  clear(key: string): void {
    this.#known.delete(key);
  }

  clearUnless(isUsed: (key: string) => boolean): void {
    for (const key of this.#known.keys()) if (!isUsed(key)) this.#known.delete(key);
  }
}

/**
 * ConfigMaps and Secrets by namespace: what the cloud pushed, else what it answers, else (offline) what
 * it answered last.
 */
export function createObjects(deps: ObjectDeps): PodObjects {
  const askedAtMs = new Map<string, number>();
  const misses = new Misses(deps.clock);
  const isFresh = (key: string): boolean =>
    deps.clock.monotonicMs() - (askedAtMs.get(key) ?? -Infinity) < FRESH_MS || !deps.uplink.isConnected();
  const query = async (key: string, resource: string): Promise<DataObject | undefined> => {
    try {
      const object = await ask(deps, resource, key);
      if (object) askedAtMs.set(key, deps.clock.monotonicMs());
      else askedAtMs.delete(key);
      if (object) misses.clear(key);
      else misses.note(key);
      return object;
    } catch (error) {
      if (error instanceof PodError && deps.uplink.isConnected()) misses.note(key, error);
      throw error;
    }
  };
  const find = async (key: string, resource: string): Promise<DataObject | undefined> => {
    const kept = deps.records.get(QUERIED_BUCKET, key) as DataObject | undefined;
    if (kept && isFresh(key)) return kept;
    const miss = deps.uplink.isConnected() ? misses.recent(key) : undefined;
    try {
      if (miss?.error) throw miss.error;
      return miss ? undefined : await query(key, resource);
    } catch (error) {
      if (kept) return kept;
      throw error;
    }
  };
  return {
    of: (namespace) => ({
      get: (kind, name) => {
        const key = formatKey({ kind, namespace, name });
        const pushed = deps.store.get(key);
        if (pushed) return Promise.resolve(pushed.value as DataObject);
        return find(key, `${namespace}/${kind}/${name}`);
      },
    }),
    drop: async (key) => {
      askedAtMs.delete(key);
      misses.clear(key);
      await deps.records.delete(QUERIED_BUCKET, key);
    },
    retain: async (isUsed) => {
      const unused = deps.records.list(QUERIED_BUCKET).filter(([key]) => !isUsed(key));
      for (const [key] of unused) askedAtMs.delete(key);
      misses.clearUnless(isUsed);
      await Promise.all(unused.map(([key]) => deps.records.delete(QUERIED_BUCKET, key)));
    },
    askAgain: () => misses.clearUnless(() => false),
  };
}

/** ConfigMaps and Secrets for all pods. */
export interface PodObjects {
  of(namespace: string): DataObjects;
  /** A push or a delete from the cloud outdates what was answered. */
  drop(key: string): Promise<void>;
  /** Forgets answers that no pod uses any more. */
  retain(isUsed: (key: string) => boolean): Promise<void>;
  /** The cloud is there again: what it did not have may be there by now. */
  askAgain(): void;
}
