// SPDX-License-Identifier: Apache-2.0
import type { KubeConfig } from "@kubernetes/client-node";
import type { Registry } from "prom-client";
import type {
  Client,
  KubeObject,
  ListOptions,
  ListResult,
  ObjectMeta,
  PatchType,
  Resource,
} from "../client.ts";
import { TerminalError } from "../errors.ts";
import { createCaller, type Caller } from "./caller.ts";
import { createClientMetrics } from "./client-metrics.ts";
import { apiVersionOf, collectionPath, creationPath, objectPath } from "./resource-path.ts";
import { createTransport, type TransportOptions } from "./transport.ts";
import { createWatcher, type Watcher } from "./watch.ts";

export interface ClientDeps extends TransportOptions {
  readonly kubeConfig: KubeConfig;
  /** `longshore-hub/1.2.3`, so that audit logs tell who asked. */
  readonly userAgent: string;
  readonly registry?: Registry;
}

/** A Client that can also watch, and owns connections. */
export interface KubeClient extends Client, Watcher {
  close(): Promise<void>;
}

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
};
const METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
// Unknown and doubled fields are errors: a typo in what we write must not be dropped silently.
const STRICT = { fieldValidation: "Strict" };

/** The one client of a process; see Client for what it promises. */
export function createClient(deps: ClientDeps): KubeClient {
  const transport = createTransport(deps.kubeConfig, deps);
  const metrics = deps.registry && createClientMetrics(deps.registry);
  const caller = createCaller({ transport, userAgent: deps.userAgent, metrics });
  return {
    ...createReader(caller),
    ...createWriter(caller),
    ...createWatcher(caller),
    close: () => transport.close(),
  };
}

function createReader(caller: Caller): Pick<Client, "get" | "list" | "raw"> {
  return {
    async get(resource, name, { resourceVersion, metadataOnly, ...o } = {}) {
      return parse(
        await caller.call({
          method: "GET",
          path: objectPath(resource, name),
          query: { resourceVersion },
          ...(metadataOnly === true && { accept: METADATA }),
          ...o,
        }),
      );
    },
    async list<T extends KubeObject>(resource: Resource, options: ListOptions = {}): Promise<ListResult<T>> {
      const { namespace, metadataOnly, signal, timeoutMs, ...query } = options;
      const text = await caller.call({
        method: "GET",
        path: collectionPath(resource, namespace),
        query,
        ...(metadataOnly === true && { accept: METADATA_LIST }),
        signal,
        timeoutMs,
      });
      return listResult<T>(resource, parse<RawList<T>>(text));
    },
    raw: (path, o = {}) => caller.call({ method: "GET", path, accept: "*/*", ...o }),
  };
}

type Writer = Omit<Client, "get" | "list" | "raw">;

function createWriter(caller: Caller): Writer {
  return {
    async create(resource, object, { fieldManager, dryRun, fieldValidation = "Strict", ...o } = {}) {
      const path = creationPath(resource, (object as Partial<KubeObject>).metadata?.namespace);
      const query = { fieldValidation, fieldManager, dryRun: dryRun === true ? "All" : undefined };
      return parse(
        await caller.call({ method: "POST", path, query, body: withType(resource, object), ...o }),
      );
    },
    async update(
      resource,
      object,
      { fieldManager, dryRun, fieldValidation = "Strict", subresource, ...o } = {},
    ) {
      const path = objectPath(resource, nameOf(object), subresource);
      const query = { fieldValidation, fieldManager, dryRun: dryRun === true ? "All" : undefined };
      return parse(await caller.call({ method: "PUT", path, query, body: withType(resource, object), ...o }));
    },
    async patch(
      resource,
      name,
      patch,
      { fieldManager, dryRun, fieldValidation = "Strict", subresource, ...o } = {},
    ) {
      const path = objectPath(resource, name, subresource);
      const query = { fieldValidation, fieldManager, dryRun: dryRun === true ? "All" : undefined };
      const body = typeof patch.body === "string" ? patch.body : JSON.stringify(patch.body);
      return parse(
        await caller.call({ method: "PATCH", path, query, body, contentType: PATCH_TYPES[patch.type], ...o }),
      );
    },
    async apply(resource, object, { fieldManager, subresource, force, ...o }) {
      const path = objectPath(resource, nameOf(object), subresource);
      const query = { ...STRICT, fieldManager, force: force ?? true };
      const contentType = "application/apply-patch+yaml"; // JSON is YAML
      return parse(
        await caller.call({
          method: "PATCH",
          path,
          query,
          body: withType(resource, object),
          contentType,
          ...o,
        }),
      );
    },
    async delete(resource, name, { signal, timeoutMs, ...body } = {}) {
      const path = objectPath(resource, name);
      await caller.call({ method: "DELETE", path, body: JSON.stringify(body), signal, timeoutMs });
    },
    async deleteCollection(resource, { namespace, labelSelector, ...o }) {
      if (labelSelector === "") throw new TerminalError("a selector is missing: nothing is deleted without");
      const path = collectionPath(resource, namespace);
      // What was deleted is answered: of that, the least.
      await caller.call({ method: "DELETE", path, query: { labelSelector }, accept: METADATA_LIST, ...o });
    },
    // eslint-disable-next-line max-params -- the port's signature
    async createSubresource(resource, name, subresource, body, o = {}) {
      const path = objectPath(resource, name, subresource);
      return parse(await caller.call({ method: "POST", path, body: JSON.stringify(body), ...o }));
    },
  };
}

interface RawList<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

/** Items of a list carry no apiVersion and kind, and those of a metadata list the wrong ones; ours carry their own. */
function listResult<T extends KubeObject>(resource: Resource, list: RawList<T>): ListResult<T> {
  const type = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  const next = list.metadata?.continue;
  return {
    resourceVersion: list.metadata?.resourceVersion ?? "",
    ...(next !== undefined && next !== "" && { continue: next }),
    items: (list.items ?? []).map((item) => ({ ...item, ...type })),
  };
}

const withType = (resource: Resource, object: object): string =>
  JSON.stringify({ ...object, apiVersion: apiVersionOf(resource), kind: resource.kind });

function nameOf(object: object): Pick<ObjectMeta, "name" | "namespace"> {
  const metadata = (object as Partial<KubeObject>).metadata;
  if (metadata === undefined) throw new TerminalError("the object has no metadata");
  return metadata;
}

// The API server is trusted for the shape of what it serves.
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- names the cast at each call
const parse = <T>(text: string): T => JSON.parse(text) as T;
