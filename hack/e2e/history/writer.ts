// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import {
  ApiError,
  isAlreadyExists,
  isConflict,
  isNotFound,
  type Client,
  type KubeObject,
  type Resource,
} from "@longshore/operators/runtime";
import { configMap, device, deviceModel, pod, secret, SLEEP } from "../manifests.ts";
import { CONFIG_MAPS, DEVICE_MODELS, DEVICES, PODS, SECRETS, type PodRead } from "./resources.ts";
import type { Recorder } from "./recorder.ts";

const BETWEEN_MS = 60;
const CALL_MS = 2_000;
const RETRY_MS = 200;
/** Longer than any part is away. */
const GIVE_UP_MS = 60_000;
/** Pods that come and go, at a time. */
const CHURNING = 2;
const KEEPERS = ["keeper-a", "keeper-b"];
const DEVICE = "room";

export interface WriterOptions {
  readonly client: Client;
  readonly recorder: Recorder;
  readonly namespace: string;
  readonly node: string;
  /** Folder on the edge in which each container writes the uid of its pod into `begun`. */
  readonly ledger: string;
}

/**
 * Goes on changing what a node shall hold, one change after the other. A change that the API server does not answer is
 * tried until it is made.
 */
export class Writer {
  readonly #options: WriterOptions;
  #round = 0;
  #isStopping = false;
  #running: Promise<void> = Promise.resolve();
  readonly #churning: string[] = [];
  /** Changes made, and tries that failed, since the last start. */
  changes = 0;
  retries = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Makes what the loop begins with: two pods that stay, what they mount, a device. */
  async prepare(): Promise<void> {
    const { namespace, node } = this.#options;
    for (const name of ["page", "flip"])
      await this.#create("configmap", CONFIG_MAPS, configMap(namespace, name, { text: "0" }));
    await this.#create("secret", SECRETS, secret(namespace, "key", { text: "0" }));
    await this.#create("devicemodel", DEVICE_MODELS, deviceModel(namespace));
    this.#desire(0);
    await this.#create("device", DEVICES, device({ namespace, node, name: DEVICE, desired: desiredOf(0) }));
    for (const name of KEEPERS) await this.#create("pod", PODS, this.#pod(name));
  }

  start(): void {
    this.#isStopping = false;
    this.changes = this.retries = 0;
    this.#running = this.#run();
    this.#running.catch(() => undefined); // told by stop()
  }

  /** Resolves when the change that is being made is made. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const steps = [
      () => this.#merge("configmap", CONFIG_MAPS, "page", { data: { text: `${this.#round}` } }),
      () => this.#changeDesired(),
      () => this.#merge("secret", SECRETS, "key", { stringData: { text: `${this.#round}` } }),
      () => this.#addPod(),
      () => this.#merge("configmap", CONFIG_MAPS, "page", { data: { text: `${this.#round}` } }),
      () => this.#recreate(),
      () => this.#changeDesired(),
      () => this.#removePod(),
    ];
    while (!this.#isStopping) {
      const step = steps[this.#round++ % steps.length]!;
      await step();
      this.changes += 1;
      await sleep(BETWEEN_MS);
    }
  }

  async #addPod(): Promise<void> {
    const name = `churn-${this.#round}`;
    await this.#create("pod", PODS, this.#pod(name));
    this.#churning.push(name);
  }

  async #removePod(): Promise<void> {
    if (this.#churning.length > CHURNING) await this.#delete("pod", PODS, this.#churning.shift()!);
  }

  /** The same name with another uid. */
  async #recreate(): Promise<void> {
    await this.#delete("configmap", CONFIG_MAPS, "flip");
    const text = configMap(this.#options.namespace, "flip", { text: `${this.#round}` });
    await this.#create("configmap", CONFIG_MAPS, text);
  }

  async #changeDesired(): Promise<void> {
    this.#desire(this.#round);
    const body = [{ op: "replace", path: "/spec/properties/1/desired/value", value: desiredOf(this.#round) }];
    await this.#patch("device", DEVICES, DEVICE, { type: "json", body });
  }

  #desire(round: number): void {
    const { recorder, namespace } = this.#options;
    const value = desiredOf(round);
    recorder.add({ type: "desired", atMs: Date.now(), device: `device/${namespace}/${DEVICE}`, value });
  }

  #merge(kind: string, resource: Resource, name: string, body: object): Promise<void> {
    return this.#patch(kind, resource, name, { type: "merge", body });
  }

  async #patch(
    kind: string,
    resource: Resource,
    name: string,
    patch: { readonly type: "merge" | "json"; readonly body: object },
  ): Promise<void> {
    const { client, namespace } = this.#options;
    this.#wanted(kind, await this.#persist(() => client.patch(resource, { namespace, name }, patch, CALL)));
  }

  async #create(kind: string, resource: Resource, manifest: string): Promise<void> {
    const { client, namespace } = this.#options;
    const object = JSON.parse(manifest) as KubeObject;
    const made = await this.#persist(() =>
      client.create<KubeObject>(resource, object, CALL).catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error; // an earlier try, whose answer was lost
        return client.get<KubeObject>(resource, { namespace, name: object.metadata.name }, CALL);
      }),
    );
    this.#wanted(kind, made);
  }

  async #delete(kind: string, resource: Resource, name: string): Promise<void> {
    const { client, namespace, recorder } = this.#options;
    const { metadata } = await this.#persist(() => client.get<PodRead>(resource, { namespace, name }, CALL));
    const { uid } = metadata;
    await this.#persist(() =>
      client
        .delete(resource, { namespace, name }, { ...CALL, preconditions: { uid } })
        .catch((error: unknown) => {
          if (!isNotFound(error) && !isConflict(error)) throw error;
        }),
    );
    recorder.add({
      type: "wanted",
      atMs: Date.now(),
      op: "delete",
      key: `${kind}/${namespace}/${name}`,
      uid,
      rv: "",
    });
  }

  #wanted(kind: string, { metadata }: KubeObject): void {
    const { name, namespace = "", uid, resourceVersion: rv } = metadata;
    const key = `${kind}/${namespace}/${name}`;
    this.#options.recorder.add({ type: "wanted", atMs: Date.now(), op: "put", key, uid, rv });
  }

  async #persist<T>(call: () => Promise<T>): Promise<T> {
    const deadlineMs = performance.now() + GIVE_UP_MS;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (isRefusal(error) || performance.now() > deadlineMs) throw error;
        this.retries += 1;
      }
      await sleep(RETRY_MS);
    }
  }

  #pod(name: string): string {
    const { namespace, node, ledger } = this.#options;
    const mounts = ["page", "flip", "key", "ledger"].map((volume) => ({
      name: volume,
      mountPath: `/${volume}`,
    }));
    const uid = { name: "POD_UID", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } };
    return pod({
      ...{ namespace, name },
      script: `echo "$POD_UID" >> /ledger/begun; ${SLEEP}`,
      container: { env: [uid], volumeMounts: mounts },
      spec: {
        nodeName: node,
        volumes: [
          { name: "page", configMap: { name: "page" } },
          { name: "flip", configMap: { name: "flip", optional: true } },
          { name: "key", secret: { secretName: "key" } },
          { name: "ledger", hostPath: { path: ledger, type: "DirectoryOrCreate" } },
        ],
      },
    });
  }
}

const CALL = { timeoutMs: CALL_MS };

/** An own value for each round, and one that binary fractions and the model's bounds can hold. */
const desiredOf = (round: number): string => `${20 + (round % 4_000) / 64}`;

/** The API server's definite no. */
const isRefusal = (error: unknown): boolean =>
  error instanceof ApiError && error.code >= 400 && error.code < 500 && error.code !== 429;
