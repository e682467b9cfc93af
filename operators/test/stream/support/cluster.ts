// SPDX-License-Identifier: Apache-2.0
import {
  ApiError,
  type Client,
  type KubeObject,
  type ObjectName,
  type Resource,
} from "../../../src/runtime/index.ts";

type Get = Client["get"];
interface Call {
  readonly kind: string;
  readonly resourceVersion: string | undefined;
}

/** The cluster, as far as streams ask it. */
export class FakeCluster {
  readonly calls: Call[] = [];
  readonly #objects = new Map<string, object>();
  /** What reads of the API server's cache see, where that is not the truth. */
  readonly stale = new Map<string, object | undefined>();
  /** Answers nothing from now on, and knows no signal. */
  hangs = false;
  fails: ApiError | undefined;

  put(kind: string, { namespace = "", name }: ObjectName, object: object): void {
    this.#objects.set(`${kind}/${namespace}/${name}`, object);
  }

  remove(kind: string, { namespace = "", name }: ObjectName): void {
    this.#objects.delete(`${kind}/${namespace}/${name}`);
  }

  pod(name: string, nodeName: string | undefined, uid = `uid-of-${name}`): void {
    const spec = nodeName === undefined ? {} : { nodeName };
    this.put("Pod", { namespace: "default", name }, { metadata: { name, uid }, spec });
  }

  clientCa(pem: string): void {
    const name = { namespace: "kube-system", name: "extension-apiserver-authentication" };
    this.put("ConfigMap", name, { metadata: {}, data: { "client-ca-file": pem } });
  }

  lease(node: string, renewTime: string): void {
    this.put("Lease", { namespace: "kube-node-lease", name: node }, { metadata: {}, spec: { renewTime } });
  }

  get client(): Pick<Client, "get"> {
    return { get: ((...args: Parameters<Get>) => this.#get(...args)) as Get };
  }

  async #get(
    resource: Resource,
    { namespace = "", name }: ObjectName,
    options: { resourceVersion?: string } = {},
  ) {
    this.calls.push({ kind: resource.kind, resourceVersion: options.resourceVersion });
    if (this.hangs) await new Promise(() => undefined);
    if (this.fails !== undefined) throw this.fails;
    const key = `${resource.kind}/${namespace}/${name}`;
    const isCached = options.resourceVersion === "0" && this.stale.has(key);
    const found = isCached ? this.stale.get(key) : this.#objects.get(key);
    if (found === undefined)
      throw new ApiError({ code: 404, reason: "NotFound", message: `${resource.kind} ${name} not found` });
    return found as KubeObject;
  }
}
