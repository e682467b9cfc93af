// SPDX-License-Identifier: Apache-2.0
import { pino } from "pino";
import type { Frame } from "@longshore/crds/wire";
import type { DesiredEvent, DesiredStore, RecordStore, StoredObject } from "../../src/store/port.ts";
import { TunnelError, type Uplink, type UplinkRequest } from "../../src/tunnel/port.ts";
import type { Pod } from "../../src/pods/model/pod.ts";

export const silent = pino({ level: process.env["LOG_LEVEL"] ?? "silent" });

interface Meta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** The ports' desired store in memory. */
export class MemoryStore implements DesiredStore {
  readonly #objects = new Map<string, StoredObject>();
  readonly #listeners = new Map<string, Set<(event: DesiredEvent) => void>>();
  #version = 0;

  put(kind: string, value: object): void {
    const { name, namespace = "default", uid = `${kind}-${name}` } = (value as { metadata: Meta }).metadata;
    const key = `${kind}/${namespace}/${name}`;
    const resourceVersion = String(++this.#version);
    const object = {
      key,
      kind,
      namespace,
      name,
      uid,
      resourceVersion,
      digest: resourceVersion,
      clusterEpoch: 1,
      value,
    };
    this.#objects.set(key, object);
    this.#tell(kind, { type: "put", object });
  }

  remove(kind: string, namespace: string, name: string): void {
    const key = `${kind}/${namespace}/${name}`;
    const object = this.#objects.get(key);
    if (!object) return;
    this.#objects.delete(key);
    this.#tell(kind, { type: "delete", object });
  }

  apply(): Promise<"applied"> {
    throw new Error("not used by the pod engine");
  }
  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }
  list(kind: string): readonly StoredObject[] {
    return [...this.#objects.values()].filter((o) => o.kind === kind);
  }
  inventory(): readonly (readonly [string, string, string, string])[] {
    return [...this.#objects.values()].map((o) => [o.key, o.uid, o.resourceVersion, o.digest] as const);
  }
  subscribe(kind: string, listener: (event: DesiredEvent) => void): () => void {
    const set = this.#listeners.get(kind) ?? new Set();
    this.#listeners.set(kind, set.add(listener));
    return () => set.delete(listener);
  }
  #tell(kind: string, event: DesiredEvent): void {
    for (const listener of this.#listeners.get(kind) ?? []) listener(event);
  }
}

/** The ports' record store in memory; values are copied, as a real one would. */
export class MemoryRecords implements RecordStore {
  readonly #buckets = new Map<string, Map<string, unknown>>();
  get(bucket: string, key: string): unknown {
    return this.#buckets.get(bucket)?.get(key);
  }
  list(bucket: string): readonly (readonly [string, unknown])[] {
    return [...(this.#buckets.get(bucket) ?? [])];
  }
  put(bucket: string, key: string, value: unknown): Promise<void> {
    const map = this.#buckets.get(bucket) ?? new Map<string, unknown>();
    this.#buckets.set(bucket, map.set(key, structuredClone(value)));
    return Promise.resolve();
  }
  delete(bucket: string, key: string): Promise<void> {
    this.#buckets.get(bucket)?.delete(key);
    return Promise.resolve();
  }
}

type Answer = { readonly content: unknown; readonly operation?: string };

/** A cloud at the end of the uplink: answers status patches, deletes, tokens and queries. */
export class FakeCloud implements Uplink {
  readonly requests: UplinkRequest[] = [];
  readonly #listeners = new Set<(connected: boolean) => void>();
  #connected: boolean;
  objects: Record<string, unknown> = {};
  onDelete: (resource: string) => void = () => undefined;
  answer: (request: UplinkRequest) => Answer | undefined = () => undefined;

  constructor(connected = true) {
    this.#connected = connected;
  }
  isConnected(): boolean {
    return this.#connected;
  }
  setConnected(connected: boolean): void {
    this.#connected = connected;
    for (const listener of this.#listeners) listener(connected);
  }
  onState(listener: (connected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  send(request: UplinkRequest): void {
    this.requests.push(request);
  }
  async request(request: UplinkRequest): Promise<Frame> {
    await Promise.resolve();
    if (!this.#connected) throw new TunnelError("OFFLINE", "not connected");
    this.requests.push(request);
    const { content, operation = "response" } = this.answer(request) ?? this.#default(request);
    return {
      header: { msg_id: "1", timestamp: 0 },
      route: { operation, resource: request.resource },
      content,
    };
  }
  #default(request: UplinkRequest): Answer {
    const [, type = ""] = request.resource.split("/");
    if (request.operation === "patch") return { content: { Object: {}, Err: null } };
    if (request.operation === "delete") {
      setImmediate(() => this.onDelete(request.resource));
      return { content: "OK" };
    }
    if (type === "serviceaccounttoken") {
      const expirationTimestamp = new Date(Date.now() + 3_607_000).toISOString();
      return { content: { kind: "TokenRequest", status: { token: "token-1", expirationTimestamp } } };
    }
    const object = this.objects[request.resource];
    if (object !== undefined) return { content: object };
    return {
      content: {
        ErrStatus: {
          status: "Failure",
          reason: "NotFound",
          code: 404,
          message: `${request.resource} not found`,
        },
      },
    };
  }
  /** What the API would hold after all status patches of a pod (shallow, enough to assert on). */
  patchesOf(name: string): { metadata: { uid: string }; status: Record<string, unknown> }[] {
    return this.requests
      .filter((r) => r.operation === "patch" && r.resource.endsWith(`/podpatch/${name}`))
      .map(
        (r) =>
          JSON.parse(r.content as string) as { metadata: { uid: string }; status: Record<string, unknown> },
      );
  }
  statusOf(name: string): Record<string, unknown> {
    return Object.assign({}, ...this.patchesOf(name).map((p) => p.status)) as Record<string, unknown>;
  }
}

/** A pod as the API server would deliver it, with what a test names changed. */
export function podOf(
  name: string,
  spec: Partial<Pod["spec"]> & { containers: Pod["spec"]["containers"] },
  uid = `uid-${name}`,
): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", uid },
    spec: { restartPolicy: "Always", terminationGracePeriodSeconds: 1, dnsPolicy: "ClusterFirst", ...spec },
    status: { phase: "Pending", qosClass: "BestEffort" },
  };
}

/** A promise, and what settles it. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let settle: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: (value) => settle(value) };
}
