// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, ObjectName } from "../client.ts";

/** Values under which an object is found. Pure and total: a missing field is an empty list. */
export type IndexFn<T extends KubeObject = KubeObject> = (object: T) => readonly string[];

/** Reads what the cache holds. Treat every object as frozen: it is shared. May lag behind the API server. */
export interface Reader<T extends KubeObject = KubeObject> {
  get(name: ObjectName): T | undefined;
  /** All objects, or those of one namespace. */
  list(namespace?: string): readonly T[];
  /** @throws RangeError when no such index was added */
  byIndex(index: string, value: string, namespace?: string): readonly T[];
}

export interface Store<T extends KubeObject = KubeObject> extends Reader<T> {
  readonly size: number;
  /** Also indexes what is there already. Adding one name twice is an error. */
  addIndex(name: string, fn: IndexFn<T>): void;
  /** @returns what was there before */
  set(object: T): T | undefined;
  delete(key: string): T | undefined;
  byKey(key: string): T | undefined;
  keys(): IterableIterator<string>;
}

/** `ns/name`, or `name` without a namespace. */
export const storeKey = ({ name, namespace }: ObjectName): string =>
  namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;

interface Index<T extends KubeObject> {
  readonly fn: IndexFn<T>;
  /** Keys by value, and by namespace and value. */
  readonly keys: Map<string, Set<string>>;
}

const BY_NAMESPACE = "";

export function createStore<T extends KubeObject>(): Store<T> {
  const objects = new Map<string, T>();
  const indexes = new Map<string, Index<T>>();

  const addIndex = (name: string, fn: IndexFn<T>): void => {
    if (indexes.has(name)) throw new RangeError(`index ${JSON.stringify(name)} exists`);
    const index = { fn, keys: new Map<string, Set<string>>() };
    indexes.set(name, index);
    for (const [key, object] of objects) enter(index, key, object);
  };
  const pick = (keys: Iterable<string>): T[] => {
    const found: T[] = [];
    for (const key of keys) {
      const object = objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  };
  const byIndex = (name: string, value: string, namespace?: string): readonly T[] => {
    const index = indexes.get(name);
    if (index === undefined) throw new RangeError(`no index ${JSON.stringify(name)}`);
    return pick(index.keys.get(slot(value, namespace)) ?? []);
  };
  const remove = (key: string): T | undefined => {
    const old = objects.get(key);
    if (old === undefined) return undefined;
    objects.delete(key);
    for (const index of indexes.values()) leave(index, key, old);
    return old;
  };
  addIndex(BY_NAMESPACE, (object) => [object.metadata.namespace ?? ""]);

  return {
    get size() {
      return objects.size;
    },
    addIndex,
    byIndex,
    get: (name) => objects.get(storeKey(name)),
    byKey: (key) => objects.get(key),
    list: (namespace) => (namespace === undefined ? [...objects.values()] : byIndex(BY_NAMESPACE, namespace)),
    keys: () => objects.keys(),
    set(object) {
      const key = storeKey(object.metadata);
      const old = remove(key);
      objects.set(key, object);
      for (const index of indexes.values()) enter(index, key, object);
      return old;
    },
    delete: remove,
  };
}

const slot = (value: string, namespace?: string): string =>
  namespace === undefined ? value : `${namespace}\0${value}`;

const slotsOf = <T extends KubeObject>(index: Index<T>, object: T): string[] =>
  index.fn(object).flatMap((value) => [value, slot(value, object.metadata.namespace ?? "")]);

function enter<T extends KubeObject>(index: Index<T>, key: string, object: T): void {
  for (const at of slotsOf(index, object)) {
    const keys = index.keys.get(at);
    if (keys === undefined) index.keys.set(at, new Set([key]));
    else keys.add(key);
  }
}

function leave<T extends KubeObject>(index: Index<T>, key: string, object: T): void {
  for (const at of slotsOf(index, object)) {
    const keys = index.keys.get(at);
    keys?.delete(key);
    if (keys?.size === 0) index.keys.delete(at);
  }
}
