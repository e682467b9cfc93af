// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import {
  ApiError,
  createClient,
  createManager,
  isAlreadyExists,
  isExpired,
  loadKubeConfig,
  silentLog,
  type KubeClient,
  type KubeObject,
  type Resource,
} from "@longshore/operators/runtime";
import { Registry } from "prom-client";
import { BUSYBOX_IMAGE } from "../cluster/images.ts";
import { marker } from "./edges/dialect.ts";

const core = (plural: string, kind: string, namespaced = true): Resource => ({
  ...{ group: "", version: "v1", plural, kind, namespaced },
});
export const NODES = core("nodes", "Node", false);
export const PODS = core("pods", "Pod");
export const CONFIG_MAPS = core("configmaps", "ConfigMap");
const devices = (plural: string, kind: string): Resource => ({
  ...{ group: "devices.kubeedge.io", version: "v1beta1", plural, kind, namespaced: true },
});
const DEVICES = devices("devices", "Device");
const DEVICE_MODELS = devices("devicemodels", "DeviceModel");
const DEVICE_STATUSES = devices("devicestatuses", "DeviceStatus");
const NODE_GROUPS: Resource = {
  ...{
    group: "apps.kubeedge.io",
    version: "v1alpha1",
    plural: "nodegroups",
    kind: "NodeGroup",
    namespaced: false,
  },
};
const PRE_PULLS: Resource = {
  ...{ group: "operations.kubeedge.io", version: "v1alpha2", plural: "imageprepulljobs" },
  ...{ kind: "ImagePrePullJob", namespaced: false },
};
const NAMESPACES = core("namespaces", "Namespace", false);
const ACCOUNTS = core("serviceaccounts", "ServiceAccount");

export const NAMESPACE = "bench";
/** Calls to the API server at a time. */
const PARALLEL = 32;
/** Between a watch that a busy server ended and the next one. */
const REWATCH_MS = 200;

/** What a device reported, as far as a bench looks at it. */
export interface ReportedStatus extends KubeObject {
  readonly status?: {
    readonly twins?: readonly { readonly reported?: { readonly metadata?: Record<string, string> } }[];
  };
}

/** A device with read-only numbers. */
export interface DeviceWish {
  readonly name: string;
  readonly node: string;
  /** also the name of its model */
  readonly protocol: string;
  readonly properties: readonly string[];
}

/** The objects of a bench, made and changed through the API server. */
export class BenchCluster {
  readonly #client: KubeClient;
  /** Writes that the bench itself made. */
  writes = 0;

  constructor(kubeconfig: string) {
    this.#client = createClient({ kubeConfig: loadKubeConfig(kubeconfig), userAgent: "longshore-bench" });
  }

  /** The namespace and its service account, so that pods are admitted at once. */
  async prepare(): Promise<void> {
    await this.#create(NAMESPACES, { metadata: { name: NAMESPACE } });
    await this.#create(ACCOUNTS, { metadata: { name: "default", namespace: NAMESPACE } });
  }

  async nodes(names: readonly string[]): Promise<void> {
    const labels = { "node-role.kubernetes.io/edge": "", "node-role.kubernetes.io/agent": "" };
    await inParallel(names, (name) => this.#create(NODES, { metadata: { name, labels } }));
  }

  node(object: object): Promise<void> {
    return this.#create(NODES, object);
  }

  nodeGroup(object: object): Promise<void> {
    return this.#create(NODE_GROUPS, object);
  }

  async changeNode(name: string, body: object): Promise<void> {
    this.writes += 1;
    await this.#client.patch(NODES, { name }, { type: "merge", body });
  }

  /** As a kubelet writes it. */
  async nodeStatus(name: string, body: object): Promise<void> {
    this.writes += 1;
    const options = { subresource: "status" } as const;
    await this.#client.patch(NODES, { name }, { type: "strategic", body }, options);
  }

  async removeNode(name: string): Promise<void> {
    this.writes += 1;
    await this.#client.delete(NODES, { name });
  }

  async removeNodeGroup(name: string): Promise<void> {
    this.writes += 1;
    await this.#client.delete(NODE_GROUPS, { name });
  }

  /**
   * What Nodes are called and labelled with, until the signal aborts. A busy server ends watches: this one goes on
   * where it was, and costs that server little.
   */
  async watchNodes(
    labelSelector: string,
    signal: AbortSignal,
    onNode: (node: KubeObject) => void,
  ): Promise<void> {
    const manager = createManager({ client: this.#client, registry: new Registry(), log: silentLog });
    manager.cache
      .informer(NODES, { labelSelector, metadataOnly: true })
      .addHandler(({ object }) => onNode(object));
    await manager.start(signal);
  }

  /** One pod, bound to its node without the scheduler. @param configMaps what it refers to */
  async pod(node: string, name: string, configMaps: readonly string[] = []): Promise<void> {
    const envFrom = configMaps.map((map) => ({ configMapRef: { name: map, optional: true } }));
    await this.#create(PODS, {
      metadata: { name, namespace: NAMESPACE, annotations: { "bench/round": marker(0) } },
      spec: {
        nodeName: node,
        automountServiceAccountToken: false,
        // a simulated node is never ready, and its pods are to stay
        tolerations: [{ operator: "Exists" }],
        containers: [{ name: "main", image: BUSYBOX_IMAGE, envFrom }],
      },
    });
  }

  /** @param bytes of data */
  async configMap(name: string, bytes: number): Promise<void> {
    await this.#create(CONFIG_MAPS, {
      metadata: { name, namespace: NAMESPACE },
      data: { round: marker(0), filling: "x".repeat(bytes) },
    });
  }

  /** Changes a pod in a way that its node has to hear of. */
  async changePod(name: string, round: number): Promise<void> {
    await this.#merge(PODS, name, { metadata: { annotations: { "bench/round": marker(round) } } });
  }

  async changeConfigMap(name: string, round: number): Promise<void> {
    await this.#merge(CONFIG_MAPS, name, { data: { round: marker(round) } });
  }

  async deviceModel(protocol: string, properties: readonly string[]): Promise<void> {
    await this.#create(DEVICE_MODELS, {
      metadata: { name: protocol, namespace: NAMESPACE },
      spec: {
        protocol,
        properties: properties.map((name) => ({ name, type: "INT", accessMode: "ReadOnly" })),
      },
    });
  }

  async device({ name, node, protocol, properties }: DeviceWish): Promise<void> {
    const visitors = { protocolName: protocol, configData: {} };
    await this.#create(DEVICES, {
      metadata: { name, namespace: NAMESPACE },
      spec: {
        deviceModelRef: { name: protocol },
        nodeName: node,
        protocol: { protocolName: protocol, configData: {} },
        properties: properties.map((property) => ({
          ...{ name: property, visitors, reportToCloud: true, collectCycle: 1_000, reportCycle: 1_000 },
        })),
      },
    });
  }

  /** Sets the desired value of a property, known by its place in the list. */
  async desire(
    namespace: string,
    name: string,
    { index, value }: { readonly index: number; readonly value: string },
  ): Promise<void> {
    const body = [{ op: "replace", path: `/spec/properties/${index}/desired/value`, value }];
    await this.#client.patch(DEVICES, { name, namespace }, { type: "json", body });
    this.writes += 1;
  }

  async removeDevices(names: readonly string[]): Promise<void> {
    await inParallel(names, (name) => this.#client.delete(DEVICES, { name, namespace: NAMESPACE }));
  }

  async deviceStatuses(): Promise<readonly ReportedStatus[]> {
    const options = { namespace: NAMESPACE, resourceVersion: "0" };
    return (await this.#client.list<ReportedStatus>(DEVICE_STATUSES, options)).items;
  }

  /** Until the signal aborts. */
  async watchDeviceStatus(
    name: string,
    signal: AbortSignal,
    onStatus: (status: ReportedStatus) => void,
  ): Promise<void> {
    const fieldSelector = `metadata.name=${name}`;
    await this.#watch(DEVICE_STATUSES, { namespace: NAMESPACE, fieldSelector, signal }, onStatus);
  }

  prePullJob(name: string, imagePrePullTemplate: object): Promise<void> {
    return this.#create(PRE_PULLS, { metadata: { name }, spec: { imagePrePullTemplate } });
  }

  async removePrePullJob(name: string): Promise<void> {
    this.writes += 1;
    await this.#client.delete(PRE_PULLS, { name });
  }

  /**
   * Every version of a job, from those to come on, until the signal aborts. None is left out: a watch that ended goes
   * on behind the last version that it told.
   *
   * @throws {ApiError} when versions were lost all the same
   */
  async watchPrePullJob(
    name: string,
    signal: AbortSignal,
    onVersion: (job: KubeObject) => void,
  ): Promise<void> {
    const fieldSelector = `metadata.name=${name}`;
    let { resourceVersion } = await this.#client.list(PRE_PULLS, { fieldSelector });
    const follow = async (): Promise<void> => {
      const options = { fieldSelector, signal, resourceVersion, timeoutSeconds: 3600 };
      for await (const event of this.#client.watch(PRE_PULLS, options)) {
        if (event.type !== "ADDED" && event.type !== "MODIFIED") continue;
        ({ resourceVersion } = event.object.metadata);
        onVersion(event.object);
      }
    };
    const isOver = (): boolean => signal.aborted;
    while (!isOver()) {
      await follow().catch((error: unknown) => {
        if (!isOver() && !(error instanceof ApiError && error.retryable)) throw error;
      });
      if (!isOver()) await sleep(REWATCH_MS);
    }
  }

  /** The API server's own metrics, as text. */
  metrics(): Promise<string> {
    return this.#client.raw("/metrics", { timeoutMs: 30_000 });
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #watch(
    resource: Resource,
    what: { namespace?: string; fieldSelector?: string; signal: AbortSignal },
    onObject: (object: KubeObject) => void,
  ): Promise<void> {
    const options = { ...what, resourceVersion: "0", timeoutSeconds: 3600 };
    const isOver = (): boolean => what.signal.aborted;
    // A busy server ends watches; the next one begins with all that there is.
    const follow = async (): Promise<void> => {
      for await (const event of this.#client.watch(resource, options))
        if (event.type === "ADDED" || event.type === "MODIFIED") onObject(event.object);
    };
    while (!isOver()) {
      await follow().catch((error: unknown) => {
        const isPassing = error instanceof ApiError && (error.retryable || isExpired(error));
        if (!isOver() && !isPassing) throw error;
      });
      if (!isOver()) await sleep(REWATCH_MS);
    }
  }

  async #create(resource: Resource, object: object): Promise<void> {
    this.writes += 1;
    await this.#client.create(resource, object).catch((error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
    });
  }

  async #merge(resource: Resource, name: string, body: object): Promise<void> {
    this.writes += 1;
    await this.#client.patch(resource, { name, namespace: NAMESPACE }, { type: "merge", body });
  }
}

/** Does `work` for each item, a bounded number at a time. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const iterator = items.values();
  const worker = async (): Promise<void> => {
    for (const item of iterator) await work(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}
