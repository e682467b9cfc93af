// SPDX-License-Identifier: Apache-2.0
// What a kubelet does for the pods of its node, for all nodes of a fleet: level-based, one pod at a time.
import {
  DONE,
  isConflict,
  type Client,
  type Clock,
  type Reconciler,
  type Request,
} from "@longshore/operators/runtime";
import type { Journal } from "./journal.ts";
import { orGone } from "./nodes.ts";
import { drainMsOf, imageOf, isOver, isReady, runningStatus, type Addresses } from "./pod-status.ts";
import { PODS, type FleetPod } from "./resources.ts";

export interface KubeletDeps {
  /** Acts as this node. */
  readonly clientOf: (node: string) => Client;
  readonly clock: Clock;
  readonly journal: Journal;
  /** From the cache. */
  readonly pod: (request: Request) => FleetPod | undefined;
  /** Of a node that is there now; undefined when it is away, or none of ours. */
  readonly addressOf: (node: string) => string | undefined;
  readonly startMs: number;
}

/** What a node's runtime knows of a pod, whatever the API says. */
interface Running {
  readonly uid: string;
  readonly node: string;
  readonly pod: string;
  readonly image: string;
  readonly address: string;
  readonly seenAtMs: number;
  isUp: boolean;
  toldToEndAtMs?: number;
}

export interface Kubelet {
  readonly reconcile: Reconciler;
  /** Pods that the node runs, by `namespace/name`. */
  upOn(node: string): readonly string[];
}

export function createKubelet(deps: KubeletDeps): Kubelet {
  const { clientOf, clock, journal } = deps;
  const runs = new Map<string, Running>();
  let addresses = 0;

  const down = (run: Running): void => {
    if (run.isUp) journal.note({ node: run.node, pod: run.pod, image: run.image, what: "down" });
    run.isUp = false;
  };
  const runOf = (key: string, pod: FleetPod, node: string): Running => {
    const known = runs.get(key);
    if (known?.uid === pod.metadata.uid) return known;
    if (known !== undefined) down(known); // another pod of the same name: a StatefulSet's
    const made: Running = {
      ...{ uid: pod.metadata.uid, node, pod: key, image: imageOf(pod), isUp: false },
      ...{ address: podAddress(addresses++), seenAtMs: clock.nowMs() },
    };
    runs.set(key, made);
    return made;
  };
  const end = async (run: Running, pod: FleetPod): Promise<number> => {
    down(run);
    run.toldToEndAtMs ??= clock.nowMs();
    const restMs = run.toldToEndAtMs + drainMsOf(pod) - clock.nowMs();
    if (restMs > 0) return restMs;
    await deletePod(clientOf(run.node), pod);
    return 0;
  };
  const start = async (run: Running, pod: FleetPod, host: string): Promise<number> => {
    const restMs = run.seenAtMs + deps.startMs - clock.nowMs();
    if (restMs > 0) return restMs;
    // Before it is reported: what follows from the report may be heard of before its answer is.
    if (!run.isUp) journal.note({ node: run.node, pod: run.pod, image: run.image, what: "up" });
    run.isUp = true;
    // Also when the cluster took a pod that runs for one that does not, while its node was away.
    if (!isReady(pod)) await report(clientOf(run.node), pod, { host, pod: run.address });
    return 0;
  };
  return {
    upOn: (node) => [...runs.values()].filter((run) => run.isUp && run.node === node).map(({ pod }) => pod),
    async reconcile(request) {
      const key = `${request.namespace}/${request.name}`;
      const pod = deps.pod(request);
      if (pod === undefined) {
        const run = runs.get(key);
        if (run !== undefined) down(run);
        runs.delete(key);
        return DONE;
      }
      const node = pod.spec.nodeName ?? "";
      const host = deps.addressOf(node);
      if (host === undefined || isOver(pod)) return DONE;
      const act = pod.metadata.deletionTimestamp === undefined ? start : end;
      const afterMs = await act(runOf(key, pod, node), pod, host);
      return afterMs > 0 ? { requeueAfterMs: afterMs } : DONE;
    },
  };
}

/** Of the range for benchmarks; each pod has its own. */
const podAddress = (index: number): string => `198.19.${Math.floor(index / 250) % 256}.${1 + (index % 250)}`;

async function report(client: Client, pod: FleetPod, addresses: Addresses): Promise<void> {
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const patch = { type: "strategic", body: { status: runningStatus(pod, addresses, now) } } as const;
  await orGone(client.patch(PODS, pod.metadata, patch, { subresource: "status" }));
}

/** As a kubelet does when nothing of a pod runs any more. */
export async function deletePod(client: Client, { metadata }: FleetPod): Promise<void> {
  const options = { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } };
  try {
    await orGone(client.delete(PODS, metadata, options));
  } catch (error) {
    if (!isConflict(error)) throw error; // another pod has the name now; its own event comes
  }
}
