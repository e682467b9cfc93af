// SPDX-License-Identifier: Apache-2.0
import type {
  Client,
  GetOptions,
  KubeObject,
  ListOptions,
  ListResult,
  ObjectName,
  Resource,
} from "../../../src/runtime/client.ts";
import { ApiError } from "../../../src/runtime/errors.ts";

export interface Call {
  readonly verb: string;
  readonly path: string;
  readonly consistent?: boolean;
}

/** The API server at the port of the client: what the hub reads, and the Leases that it writes. */
export class FakeClient {
  readonly objects = new Map<string, KubeObject>();
  /** What `resourceVersion=0` answers where it differs from the truth. */
  readonly stale = new Map<string, KubeObject | undefined>();
  readonly calls: Call[] = [];
  revision = 1000;
  /** Every call waits for this; for reads that are slow. */
  gate: () => Promise<void> = () => Promise.resolve();
  failing: (call: Call) => ApiError | undefined = () => undefined;

  put(plural: string, object: KubeObject): KubeObject {
    this.revision = Math.max(this.revision, Number(object.metadata.resourceVersion));
    this.objects.set(pathOf(plural, object.metadata), object);
    return object;
  }

  remove(plural: string, name: ObjectName): void {
    this.objects.delete(pathOf(plural, name));
  }

  count(verb: string, path?: string): number {
    return this.calls.filter((call) => call.verb === verb && (path === undefined || call.path === path))
      .length;
  }

  asClient(): Client {
    return this as unknown as Client;
  }

  async get(resource: Resource, name: ObjectName, options?: GetOptions): Promise<KubeObject> {
    const path = pathOf(resource.plural, name);
    await this.#call({ verb: "get", path, consistent: options?.resourceVersion === undefined });
    const cached = options?.resourceVersion === "0" && this.stale.has(path);
    const object = cached ? this.stale.get(path) : this.objects.get(path);
    if (object === undefined) throw notFound(path);
    return structuredClone(object);
  }

  async list(resource: Resource, options: ListOptions = {}): Promise<ListResult<KubeObject>> {
    const path = `${resource.plural}?${options.fieldSelector ?? ""}`;
    await this.#call({ verb: "list", path, consistent: options.resourceVersion === undefined });
    const [field = "", value = ""] = (options.fieldSelector ?? "").split("=");
    const items = [...this.objects.entries()]
      .filter(([at]) => at.startsWith(`${resource.plural}/${options.namespace ?? ""}`))
      .map(([, object]) => object)
      .filter((object) => field === "" || valueAt(object, field) === value)
      .map((object) => {
        // Items of a real list have neither.
        const item: { kind?: string; apiVersion?: string } & KubeObject = structuredClone(object);
        return { ...item, kind: undefined, apiVersion: undefined } as unknown as KubeObject;
      });
    return { resourceVersion: String(this.revision), items };
  }

  async create(resource: Resource, object: object): Promise<KubeObject> {
    const given = object as KubeObject;
    const path = pathOf(resource.plural, given.metadata);
    await this.#call({ verb: "create", path });
    if (this.objects.has(path)) throw new ApiError({ code: 409, reason: "AlreadyExists", message: path });
    return this.#store(path, given);
  }

  async patch(resource: Resource, name: ObjectName, patch: { body: object | string }): Promise<KubeObject> {
    const path = pathOf(resource.plural, name);
    await this.#call({ verb: "patch", path });
    const object = this.objects.get(path);
    if (object === undefined) throw notFound(path);
    const body = patch.body as { spec?: object; metadata?: object };
    const merged = { ...object, ...body, metadata: { ...object.metadata, ...body.metadata } };
    return this.#store(path, merged);
  }

  async update(resource: Resource, object: KubeObject): Promise<KubeObject> {
    return this.patch(resource, object.metadata, { body: object });
  }

  async delete(resource: Resource, name: ObjectName): Promise<void> {
    const path = pathOf(resource.plural, name);
    await this.#call({ verb: "delete", path });
    if (!this.objects.delete(path)) throw notFound(path);
  }

  async createSubresource(resource: Resource, name: ObjectName, kind: string, body: object): Promise<object> {
    await this.#call({ verb: `create ${kind}`, path: pathOf(resource.plural, name) });
    return { ...body, status: { token: "t" } };
  }

  #store(path: string, object: KubeObject): KubeObject {
    this.revision += 1;
    const metadata = { ...object.metadata, uid: object.metadata.uid, resourceVersion: String(this.revision) };
    const stored = { ...object, metadata };
    this.objects.set(path, stored);
    return stored;
  }

  async #call(call: Call): Promise<void> {
    this.calls.push(call);
    await this.gate();
    const error = this.failing(call);
    if (error !== undefined) throw error;
  }
}

const pathOf = (plural: string, { namespace = "", name }: { namespace?: string; name: string }): string =>
  `${plural}/${namespace}/${name}`;

const notFound = (path: string): ApiError => new ApiError({ code: 404, reason: "NotFound", message: path });

function valueAt(object: object, field: string): unknown {
  return field
    .split(".")
    .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], object);
}

export const gen = {
  object: (
    kind: string,
    name: string,
    over: Partial<KubeObject["metadata"]> & Record<string, unknown> = {},
  ): KubeObject => {
    const { namespace, uid, resourceVersion, ...rest } = over;
    return {
      kind,
      apiVersion: "v1",
      ...rest,
      metadata: {
        name,
        ...(namespace === undefined ? {} : { namespace }),
        uid: uid ?? `uid-${name}`,
        resourceVersion: resourceVersion ?? "1",
        managedFields: [{ manager: "kubectl" }],
      } as KubeObject["metadata"],
    };
  },
};
