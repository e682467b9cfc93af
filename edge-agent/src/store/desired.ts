// SPDX-License-Identifier: Apache-2.0
import type { AgentLog } from "../log.ts";
import type { Write } from "./committer.ts";
import type { Database } from "./database.ts";
import { decide } from "./order.ts";
import type { DesiredEvent, DesiredStore, StoreChange, StoredObject, StoreOutcome } from "./port.ts";

/** How a part of the store writes. */
export interface Writing {
  readonly submit: (write: Write) => void;
  /** The file in use now; it changes when a damaged one is replaced. */
  readonly db: () => Database;
  readonly log: AgentLog;
  readonly metrics: { failed(code: string): void };
}

type Listener = (event: DesiredEvent) => void;

/** The wanted objects: an index in memory that only ever shows what is committed. */
export function createDesired(
  loaded: readonly StoredObject[],
  writing: Writing,
): { port: DesiredStore; objects(): StoredObject[]; forgetUncommitted(): void } {
  const committed = new Map(loaded.map((object) => [object.key, object]));
  /** What the running transaction has done so far; undefined stands for a deletion. */
  const uncommitted = new Map<string, StoredObject | undefined>();
  const listeners = new Map<string, Set<Listener>>();

  const current = (key: string): StoredObject | undefined =>
    uncommitted.has(key) ? uncommitted.get(key) : committed.get(key);
  const notify = (event: DesiredEvent): void => {
    for (const listener of listeners.get(event.object.kind) ?? []) {
      try {
        listener(event);
      } catch (err) {
        writing.log.error({ err, key: event.object.key }, "a listener of the store failed");
      }
    }
  };
  const write = (change: StoreChange): StoreOutcome => {
    const key = change.op === "put" ? change.object.key : change.key;
    const outcome = decide(current(key), change);
    if (outcome !== "applied") return outcome;
    if (change.op === "put") writing.db().putObject(change.object);
    else writing.db().deleteObject(key);
    uncommitted.set(key, change.op === "put" ? change.object : undefined);
    return outcome;
  };
  const show = (change: StoreChange, outcome: StoreOutcome): void => {
    const key = change.op === "put" ? change.object.key : change.key;
    uncommitted.delete(key);
    if (outcome !== "applied") return;
    const before = committed.get(key);
    if (change.op === "put") {
      committed.set(key, change.object);
      notify({ type: "put", object: change.object });
    } else if (before !== undefined) {
      committed.delete(key);
      notify({ type: "delete", object: before });
    }
  };
  const apply = (change: StoreChange): Promise<StoreOutcome> =>
    new Promise((resolve, reject) => {
      let outcome: StoreOutcome = "stale";
      writing.submit({
        frees: change.op === "delete",
        write: () => {
          outcome = write(change);
        },
        committed: () => {
          show(change, outcome);
          resolve(outcome);
        },
        failed: (error) => {
          writing.metrics.failed(error.code);
          reject(error);
        },
      });
    });
  const port: DesiredStore = {
    apply,
    get: (key) => committed.get(key),
    list: (kind) => [...committed.values()].filter((object) => object.kind === kind),
    inventory: () =>
      [...committed.values()].map((o): [string, string, string, string] => [
        o.key,
        o.uid,
        o.resourceVersion,
        o.digest,
      ]),
    subscribe: (kind, listener) => {
      const set = listeners.get(kind) ?? new Set();
      listeners.set(kind, set.add(listener));
      return () => void set.delete(listener);
    },
  };
  return { port, objects: () => [...committed.values()], forgetUncommitted: () => uncommitted.clear() };
}
