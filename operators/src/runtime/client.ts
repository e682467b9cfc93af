// SPDX-License-Identifier: Apache-2.0

/** metadata of a Kubernetes object, as far as controllers read it. Treat as frozen. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** One served resource. `group` is "" for the core group. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export interface ObjectName {
  readonly name: string;
  /** absent for cluster-scoped objects */
  readonly namespace?: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** default 10 s */
  readonly timeoutMs?: number;
}

export interface GetOptions extends CallOptions {
  /** "0" reads from the API server's cache; absent is a consistent read. */
  readonly resourceVersion?: string;
  /** Ask for PartialObjectMetadata only: no spec, no data. */
  readonly metadataOnly?: boolean;
}

export interface ListOptions extends GetOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
}

export interface ListResult<T> {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly items: readonly T[];
}

export interface WriteOptions extends CallOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
  /** Default Strict. Ignore is for content of others, who may know fields that the API server does not. */
  readonly fieldValidation?: "Strict" | "Warn" | "Ignore";
}

export interface DeleteOptions extends CallOptions {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagationPolicy?: "Foreground" | "Background" | "Orphan";
}

export interface DeleteCollectionOptions extends CallOptions {
  readonly namespace?: string;
  /** Never empty: nobody is to delete all of a kind by a slip. */
  readonly labelSelector: string;
}

export type PatchType = "merge" | "strategic" | "json";

export interface PatchOptions extends WriteOptions {
  readonly subresource?: "status" | "finalizers" | "scale";
}

export interface ApplyOptions extends CallOptions {
  readonly fieldManager: string;
  readonly subresource?: "status";
  /** default true */
  readonly force?: boolean;
}

/**
 * The small typed client that everything of ours writes and reads with. Own code on `undici`: client-node's
 * ObjectSerializer costs four times a JSON.parse.
 *
 * Every method throws ApiError (see errors.ts) with the Status' `code` and `reason`.
 */
export interface Client {
  get<T extends KubeObject>(resource: Resource, name: ObjectName, options?: GetOptions): Promise<T>;
  list<T extends KubeObject>(resource: Resource, options?: ListOptions): Promise<ListResult<T>>;
  create<T extends KubeObject>(resource: Resource, object: object, options?: WriteOptions): Promise<T>;
  /** Replaces the object (PUT); the body's resourceVersion is the precondition. */
  update<T extends KubeObject>(
    resource: Resource,
    object: object,
    options?: WriteOptions & { subresource?: "status" },
  ): Promise<T>;
  /** @param body an object, or its JSON text as it came from elsewhere */
  patch<T extends KubeObject>(
    resource: Resource,
    name: ObjectName,
    patch: { readonly type: PatchType; readonly body: object | string },
    options?: PatchOptions,
  ): Promise<T>;
  /** Server-side apply. `object` holds only the fields that the manager owns. */
  apply<T extends KubeObject>(resource: Resource, object: object, options: ApplyOptions): Promise<T>;
  delete(resource: Resource, name: ObjectName, options?: DeleteOptions): Promise<void>;
  /** Deletes all that match, with one call. @throws {TerminalError} when the selector is empty */
  deleteCollection(resource: Resource, options: DeleteCollectionOptions): Promise<void>;
  /** POST to a subresource that is no status, for example `serviceaccounts/x/token`. */
  createSubresource<T>(
    resource: Resource,
    name: ObjectName,
    subresource: string,
    body: object,
    options?: CallOptions,
  ): Promise<T>;
  /** The raw text of a GET on any path of the API server, for `/version` and the like. */
  raw(path: string, options?: CallOptions): Promise<string>;
}
