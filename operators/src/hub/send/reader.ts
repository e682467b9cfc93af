// SPDX-License-Identifier: Apache-2.0
import { LRUCache } from "lru-cache";
import type { Want } from "../../delivery/mailbox.ts";
import type { Client, KubeObject } from "../../runtime/client.ts";
import { isNotFound } from "../../runtime/errors.ts";
import type { CatalogEntry } from "./catalog.ts";
import { encodeObject, type Encoded } from "./encoded.ts";
import { encodeJob } from "./order/encode-job.ts";
import type { Limiter } from "../limiter.ts";
import { compareResourceVersion } from "@longshore/crds/wire";

/** The object is not there any more: what is sent is a delete of the uid that was recorded. */
export const GONE = Symbol("gone");
export type ReadResult = Encoded | typeof GONE;

export interface ReaderDeps {
  readonly client: Client;
  readonly catalog: ReadonlyMap<string, CatalogEntry>;
  readonly limiter: Limiter;
  readonly cacheBytes: number;
  /** Told the store's revision after each consistent look at it. Does not throw. */
  readonly observeRevision: (resourceVersion: string) => Promise<void>;
}

type Target = Pick<Want, "kind" | "namespace" | "name" | "uid" | "resourceVersion"> &
  Partial<Pick<Want, "digest">>;

/**
 * Reads objects at the moment that they are sent.
 *
 * One cache of encoded bytes for the whole hub, newest version by uid; concurrent reads of one object are one call.
 * The API server's cache answers first (`resourceVersion=0`); when that is older than wanted, or has nothing, one
 * consistent read decides.
 */
export class ObjectReader {
  readonly #deps: ReaderDeps;
  readonly #cache: LRUCache<string, Encoded>;
  readonly #flights = new Map<string, Promise<ReadResult>>();

  constructor(deps: ReaderDeps) {
    this.#deps = deps;
    this.#cache = new LRUCache({ maxSize: deps.cacheBytes, sizeCalculation: sizeOf });
  }

  /** The cached version, if it is new enough. */
  peek(target: Target): Encoded | undefined {
    const cached = this.#cache.get(target.uid);
    if (cached === undefined || isRecent(cached, target)) return cached;
    return cached.readFor !== undefined && cached.readFor === target.digest ? cached : undefined;
  }

  /** Any version of an object that is still in memory. */
  remembered(uid: string): Encoded | undefined {
    return this.#cache.get(uid);
  }

  /**
   * Reads the wanted version or a newer one.
   *
   * @returns GONE when the object is not there, or another uid took its name
   * @throws {ApiError}
   */
  async read(target: Target): Promise<ReadResult> {
    const entry = this.#entry(target.kind);
    const cached = this.peek(target);
    if (cached !== undefined) return cached;
    const near = await this.#single("near", target, () => this.#get(entry, target, "0"));
    if (near !== GONE && isWanted(near, target)) return this.#readFor(entry, near, target);
    const sure = await this.#single("sure", target, () => this.#consistent(entry, target));
    // Another uid under the name is another object, and has a want of its own. The Node is the exception: there is
    // one of it, and an edge without it cannot start.
    if (sure !== GONE && sure.uid !== target.uid && target.kind !== "node") return GONE;
    return sure === GONE ? sure : this.#readFor(entry, sure, target);
  }

  /** Reads the current version without asking which one is wanted. */
  async readNow(target: Pick<Want, "kind" | "namespace" | "name">): Promise<ReadResult> {
    const entry = this.#entry(target.kind);
    const whole = { ...target, uid: "", resourceVersion: "0" };
    return this.#single("sure", whole, () => this.#consistent(entry, whole));
  }

  /** Brings all pods of a node into the cache with one LIST. */
  async warmPods(node: string): Promise<void> {
    const { resource } = this.#entry("pod");
    const pods = await this.#deps.limiter.run(() =>
      this.#deps.client.list<KubeObject>(resource, {
        fieldSelector: `spec.nodeName=${node}`,
        resourceVersion: "0",
      }),
    );
    for (const pod of pods.items) this.#keep(encodeObject(pod, resource));
  }

  /** The store went back in time: nothing that was read before counts. */
  clear(): void {
    this.#cache.clear();
  }

  #entry(kind: string): CatalogEntry {
    const entry = this.#deps.catalog.get(kind);
    if (entry === undefined) throw new TypeError(`kind not in the catalog: ${kind}`);
    return entry;
  }

  #single(mode: string, target: Target, read: () => Promise<ReadResult>): Promise<ReadResult> {
    const key = `${mode}:${target.kind}/${target.namespace}/${target.name}`;
    const running = this.#flights.get(key);
    if (running !== undefined) return running;
    const flight = this.#deps.limiter.run(read).finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  async #get(entry: CatalogEntry, target: Target, resourceVersion?: string): Promise<ReadResult> {
    const options = resourceVersion === undefined ? {} : { resourceVersion };
    try {
      const object = await this.#deps.client.get<KubeObject>(entry.resource, nameOf(target), options);
      const encoded = encode(entry, object);
      if (!entry.remembered) return encoded;
      return resourceVersion === undefined ? this.#replace(encoded) : this.#keep(encoded);
    } catch (error) {
      if (isNotFound(error)) return GONE;
      throw error;
    }
  }

  async #consistent(entry: CatalogEntry, target: Target): Promise<ReadResult> {
    if (entry.listable) return this.#list(entry, target);
    const found = await this.#get(entry, target);
    // Older than a version that existed: only a restored store says that. One look at its revision proves it.
    if (
      found !== GONE &&
      found.uid === target.uid &&
      compareResourceVersion(found.resourceVersion, target.resourceVersion) < 0
    ) {
      await this.#list(this.#entry("node"), { ...target, kind: "node", name: "-" });
    }
    return found;
  }

  /** A LIST by name reads one object and tells the revision of the whole store, which a GET does not. */
  async #list(entry: CatalogEntry, target: Target): Promise<ReadResult> {
    const found = await this.#deps.client.list<KubeObject>(entry.resource, {
      ...(entry.resource.namespaced ? { namespace: target.namespace } : {}),
      fieldSelector: `metadata.name=${target.name}`,
    });
    await this.#deps.observeRevision(found.resourceVersion);
    const object = found.items[0];
    if (object === undefined) return GONE;
    const encoded = encode(entry, object);
    return entry.remembered ? this.#replace(encoded) : encoded;
  }

  #keep(encoded: Encoded): Encoded {
    const cached = this.#cache.get(encoded.uid);
    if (cached !== undefined && compareResourceVersion(cached.resourceVersion, encoded.resourceVersion) >= 0)
      return cached;
    return this.#replace(encoded);
  }

  #replace(encoded: Encoded): Encoded {
    this.#cache.set(encoded.uid, encoded);
    return encoded;
  }

  /** A job's version moves with every status of every node: others of one digest share what was read for the first. */
  #readFor({ order }: CatalogEntry, found: Encoded, { digest }: Target): Encoded {
    if (order?.dialect !== "v1alpha2" || digest === undefined || found.readFor === digest) return found;
    const cached = this.#cache.get(found.uid);
    const isNewest = cached === undefined || !isRecent(cached, found) || cached.readFor !== digest;
    return isNewest ? this.#replace({ ...found, readFor: digest }) : cached;
  }
}

const encode = (entry: CatalogEntry, object: KubeObject): Encoded =>
  entry.order === undefined
    ? encodeObject(entry.shown?.(object) ?? object, entry.resource)
    : encodeJob(object, entry.resource);

const isRecent = (found: Encoded, target: Pick<Target, "resourceVersion">): boolean =>
  compareResourceVersion(found.resourceVersion, target.resourceVersion) >= 0;

/** A parsed object takes about three times its text. */
const sizeOf = ({ content, object, weight = content.length }: Encoded): number =>
  weight * (object === undefined ? 1 : 4) + 256;

const nameOf = (target: Target): { name: string; namespace?: string } =>
  target.namespace === "" ? { name: target.name } : { name: target.name, namespace: target.namespace };

const isWanted = (found: Encoded, target: Target): boolean =>
  found.uid === target.uid && isRecent(found, target);
