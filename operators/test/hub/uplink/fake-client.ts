// SPDX-License-Identifier: Apache-2.0
import { ApiError } from "../../../src/runtime/errors.ts";
import type {
  Client,
  DeleteOptions,
  KubeObject,
  ListOptions,
  ListResult,
  ObjectName,
  Resource,
} from "../../../src/runtime/client.ts";

interface Loose extends KubeObject {
  readonly spec?: Record<string, unknown>;
}

export interface Call {
  readonly verb: string;
  readonly plural: string;
  readonly name: string;
  readonly body?: unknown;
  readonly options?: unknown;
}

export const apiError = (code: number, reason: string, message = reason): ApiError =>
  new ApiError({ code, reason, message });

/** The API server at its port: a map, resource versions, conflicts. Fails on demand. */
export class FakeClient implements Client {
  readonly objects = new Map<string, KubeObject>();
  readonly calls: Call[] = [];
  /** Thrown by the next calls, in order. */
  failures: Error[] = [];
  /** Awaited before every call returns. */
  gate: Promise<void> = Promise.resolve();
  #version = 100;

  /** @param object with metadata.name */
  put(resource: Resource, object: object): KubeObject {
    const { metadata } = object as { metadata: ObjectName };
    const known = { uid: `uid-${metadata.name}`, ...metadata, resourceVersion: String(++this.#version) };
    const stored: KubeObject = { ...object, metadata: known };
    this.objects.set(keyOf(resource, metadata), stored);
    return stored;
  }

  find(resource: Resource, name: ObjectName): KubeObject | undefined {
    return this.objects.get(keyOf(resource, name));
  }

  async get<T extends KubeObject>(resource: Resource, name: ObjectName): Promise<T> {
    await this.#enter({ verb: "get", plural: resource.plural, name: name.name });
    return this.#require(resource, name) as T;
  }

  async list<T extends KubeObject>(resource: Resource, options: ListOptions = {}): Promise<ListResult<T>> {
    await this.#enter({ verb: "list", plural: resource.plural, name: "", options });
    const node = options.fieldSelector?.replace("spec.nodeName=", "");
    const items = [...this.objects].flatMap(([key, object]) =>
      key.startsWith(`${resource.plural}/`) && (object as Loose).spec?.["nodeName"] === node
        ? [object as T]
        : [],
    );
    return { resourceVersion: String(this.#version), items };
  }

  async create<T extends KubeObject>(resource: Resource, object: object): Promise<T> {
    const { metadata } = object as { metadata: { name?: string; generateName?: string; namespace?: string } };
    const name = metadata.name ?? `${metadata.generateName ?? ""}${++this.#version}`;
    await this.#enter({ verb: "create", plural: resource.plural, name, body: object });
    if (this.objects.has(keyOf(resource, { ...metadata, name }))) throw apiError(409, "AlreadyExists");
    return this.put(resource, { ...object, metadata: { ...metadata, name } }) as T;
  }

  async update<T extends KubeObject>(resource: Resource, object: object): Promise<T> {
    const { metadata } = object as KubeObject;
    await this.#enter({ verb: "update", plural: resource.plural, name: metadata.name, body: object });
    const known = this.#require(resource, metadata);
    if (metadata.resourceVersion !== known.metadata.resourceVersion) throw apiError(409, "Conflict");
    return this.put(resource, { ...object, metadata: { ...metadata, uid: known.metadata.uid } }) as T;
  }

  async patch<T extends KubeObject>(
    resource: Resource,
    name: ObjectName,
    patch: { type: string; body: object | string },
    options?: object,
  ): Promise<T> {
    await this.#enter({ verb: "patch", plural: resource.plural, name: name.name, body: patch.body, options });
    const known = this.#require(resource, name);
    const body = patch.body as { metadata?: { uid?: string; resourceVersion?: string } };
    if (body.metadata?.uid !== undefined && body.metadata.uid !== known.metadata.uid)
      throw apiError(409, "Conflict");
    const version = body.metadata?.resourceVersion;
    if (version !== undefined && version !== known.metadata.resourceVersion) throw apiError(409, "Conflict");
    if (patch.type === "merge") return this.put(resource, mergePatch(known, body) as object) as T;
    return this.put(resource, { ...known, ...body, metadata: { ...known.metadata, ...body.metadata } }) as T;
  }

  apply<T extends KubeObject>(): Promise<T> {
    throw new Error("not used");
  }

  async delete(resource: Resource, name: ObjectName, options: DeleteOptions = {}): Promise<void> {
    await this.#enter({ verb: "delete", plural: resource.plural, name: name.name, options });
    const known = this.#require(resource, name);
    const uid = options.preconditions?.uid;
    if (uid !== undefined && uid !== known.metadata.uid) throw apiError(409, "Conflict");
    this.objects.delete(keyOf(resource, name));
  }

  deleteCollection(): Promise<void> {
    throw new Error("not used");
  }

  async createSubresource<T>(
    resource: Resource,
    name: ObjectName,
    subresource: string,
    body: object,
  ): Promise<T> {
    await this.#enter({ verb: `create ${subresource}`, plural: resource.plural, name: name.name, body });
    return { ...body, status: { token: "t" } } as T;
  }

  raw(): Promise<string> {
    throw new Error("not used");
  }

  async #enter(call: Call): Promise<void> {
    this.calls.push(call);
    await this.gate;
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
  }

  #require(resource: Resource, name: ObjectName): KubeObject {
    const known = this.objects.get(keyOf(resource, name));
    if (known === undefined) throw apiError(404, "NotFound", `${resource.plural} "${name.name}" not found`);
    return known;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** RFC 7386 */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

const keyOf = (resource: Resource, name: { name: string; namespace?: string }): string =>
  `${resource.plural}/${name.namespace ?? ""}/${name.name}`;
