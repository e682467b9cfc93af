// SPDX-License-Identifier: Apache-2.0
import { grants } from "@longshore/crds";
import type { Client, KubeObject, Resource } from "../../runtime/client.ts";
import type { SessionGrants } from "../uplink/port.ts";
import type { PullSecrets } from "./pull-secrets.ts";

export interface SessionGrantsDeps {
  readonly client: Pick<Client, "list">;
  readonly node: string;
  readonly clock: { nowMs(): number };
  /** Time between two LISTs that misses may cause. Default 2 s. */
  readonly minRelistMs?: number;
  /** A grant that was last confirmed longer ago is looked up again before it counts. Default 30 s. */
  readonly maxAgeMs?: number;
  readonly signal?: AbortSignal;
  /** Secrets of ImagePrePullJobs; absent: none is granted. */
  readonly pulls?: PullSecrets;
}

const PODS: Resource = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };
const PAGE = 500;

interface BoundPod {
  readonly uid: string;
  readonly serviceAccountName: string;
  /** `kind/name`, all in the pod's namespace */
  readonly granted: ReadonlySet<string>;
}

interface PodObject extends KubeObject {
  readonly spec?: { readonly nodeName?: string; readonly serviceAccountName?: string };
}

/**
 * What a node may see, from one LIST of the pods that are bound to it.
 *
 * A grant lives as long as a pod that needs it: what was last confirmed more than 30 s ago is confirmed again
 * (B67), and a miss lists again at most once in 2 s before it is a no.
 *
 * Both lookups throw ApiError when the LIST that they need fails.
 */
export function createSessionGrants(deps: SessionGrantsDeps): SessionGrants {
  return new NodeGrants(deps);
}

class NodeGrants implements SessionGrants {
  readonly #deps: SessionGrantsDeps;
  #pods = new Map<string, BoundPod>();
  #listedAtMs = -Infinity;
  #listing: Promise<void> | undefined;
  /** Pods that came or went while a LIST was under way, which its answer may not know. */
  #since = new Map<string, BoundPod | undefined>();

  constructor(deps: SessionGrantsDeps) {
    this.#deps = deps;
  }

  async allows(kind: string, namespace: string, name: string): Promise<boolean> {
    if (this.#age() >= (this.#deps.maxAgeMs ?? 30_000)) await this.#list();
    return await this.#find(() => this.#holds(kind, namespace, name));
  }

  async pod(
    namespace: string,
    name: string,
  ): Promise<{ uid: string; serviceAccountName: string } | undefined> {
    await this.#find(() => this.#pods.has(`${namespace}/${name}`));
    const pod = this.#pods.get(`${namespace}/${name}`);
    return pod === undefined ? undefined : { uid: pod.uid, serviceAccountName: pod.serviceAccountName };
  }

  async pullSecret(namespace: string, name: string): Promise<boolean> {
    const { pulls, node } = this.#deps;
    return pulls !== undefined && (await pulls.allows(node, namespace, name));
  }

  podSent(pod: KubeObject): void {
    this.#note(keyOf(pod), boundPod(pod));
  }

  podGone(namespace: string, name: string, uid: string): void {
    const key = `${namespace}/${name}`;
    if (this.#pods.get(key)?.uid === uid) this.#note(key, undefined);
  }

  #note(key: string, pod: BoundPod | undefined): void {
    if (pod === undefined) this.#pods.delete(key);
    else this.#pods.set(key, pod);
    if (this.#listing !== undefined) this.#since.set(key, pod);
  }

  async #find(isThere: () => boolean): Promise<boolean> {
    if (isThere()) return true;
    if (this.#age() < (this.#deps.minRelistMs ?? 2_000)) return false;
    await this.#list();
    return isThere();
  }

  #age(): number {
    return this.#deps.clock.nowMs() - this.#listedAtMs;
  }

  #holds(kind: string, namespace: string, name: string): boolean {
    if (kind === "pod") return this.#pods.has(`${namespace}/${name}`);
    const prefix = `${namespace}/`;
    for (const [key, pod] of this.#pods)
      if (key.startsWith(prefix) && pod.granted.has(`${kind}/${name}`)) return true;
    return false;
  }

  #list(): Promise<void> {
    this.#listing ??= this.#listOnce().finally(() => {
      this.#listing = undefined;
      this.#since.clear();
    });
    return this.#listing;
  }

  async #listOnce(): Promise<void> {
    const startedMs = this.#deps.clock.nowMs();
    const pods = new Map<string, BoundPod>();
    let next: string | undefined;
    do {
      const page = await this.#deps.client.list<PodObject>(PODS, {
        fieldSelector: `spec.nodeName=${this.#deps.node}`,
        limit: PAGE,
        ...(next === undefined ? {} : { continue: next }),
        ...(this.#deps.signal === undefined ? {} : { signal: this.#deps.signal }),
      });
      for (const pod of page.items) pods.set(keyOf(pod), boundPod(pod));
      next = page.continue === "" ? undefined : page.continue;
    } while (next !== undefined);
    for (const [key, pod] of this.#since) {
      if (pod === undefined) pods.delete(key);
      else pods.set(key, pod);
    }
    this.#pods = pods;
    this.#listedAtMs = startedMs;
  }
}

const keyOf = (pod: KubeObject): string => `${pod.metadata.namespace ?? ""}/${pod.metadata.name}`;

function boundPod(pod: PodObject): BoundPod {
  return {
    uid: pod.metadata.uid,
    serviceAccountName: pod.spec?.serviceAccountName ?? "default",
    granted: new Set(grants(pod).map(({ kind, name }) => `${kind}/${name}`)),
  };
}
