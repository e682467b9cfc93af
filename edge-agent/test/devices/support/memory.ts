// SPDX-License-Identifier: Apache-2.0
import type { Device, DeviceModel } from "@longshore/crds/devices";
import type { DesiredEvent, DesiredStore, RecordStore, StoredObject } from "../../../src/store/port.ts";

/** The desired store's port in memory. */
export class MemoryStore implements DesiredStore {
  readonly #objects = new Map<string, StoredObject>();
  readonly #listeners = new Map<string, Set<(event: DesiredEvent) => void>>();
  #version = 0;

  put(value: Device | DeviceModel): void {
    const kind = value.kind.toLowerCase();
    const { name, namespace = "default", uid } = value.metadata;
    const key = `${kind}/${namespace}/${name}`;
    const resourceVersion = String(++this.#version);
    const rest = { uid, resourceVersion, digest: resourceVersion, clusterEpoch: 1 };
    const object = { key, kind, namespace, name, value: structuredClone(value), ...rest };
    this.#objects.set(key, object);
    this.#tell(kind, { type: "put", object });
  }
  remove(key: string): void {
    const object = this.#objects.get(key);
    if (object === undefined) return;
    this.#objects.delete(key);
    this.#tell(object.kind, { type: "delete", object });
  }
  apply(): Promise<"applied"> {
    throw new Error("only the tunnel applies");
  }
  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }
  list(kind: string): readonly StoredObject[] {
    return [...this.#objects.values()].filter((object) => object.kind === kind);
  }
  inventory(): readonly [] {
    return [];
  }
  subscribe(kind: string, listener: (event: DesiredEvent) => void): () => void {
    const set = this.#listeners.get(kind) ?? new Set();
    this.#listeners.set(kind, set.add(listener));
    return () => void set.delete(listener);
  }
  #tell(kind: string, event: DesiredEvent): void {
    for (const listener of this.#listeners.get(kind) ?? []) listener(event);
  }
}

/** The record store's port in memory; values are copied as JSON, as on disk. `onWrite` may throw. */
export class MemoryRecords implements RecordStore {
  readonly #buckets = new Map<string, Map<string, unknown>>();
  writes = 0;
  onWrite: (bucket: string, key: string) => void = () => undefined;

  get(bucket: string, key: string): unknown {
    return this.#buckets.get(bucket)?.get(key);
  }
  list(bucket: string): readonly (readonly [string, unknown])[] {
    return [...(this.#buckets.get(bucket) ?? [])];
  }
  async put(bucket: string, key: string, value: unknown): Promise<void> {
    await this.#write(bucket, key);
    const map = this.#buckets.get(bucket) ?? new Map<string, unknown>();
    this.#buckets.set(bucket, map.set(key, JSON.parse(JSON.stringify(value))));
  }
  async delete(bucket: string, key: string): Promise<void> {
    await this.#write(bucket, key);
    this.#buckets.get(bucket)?.delete(key);
  }
  async #write(bucket: string, key: string): Promise<void> {
    await Promise.resolve();
    this.onWrite(bucket, key);
    this.writes++;
  }
}
