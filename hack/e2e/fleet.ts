// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import {
  createChannel,
  createClient,
  createExponentialLimiter,
  createManager,
  enqueueSelf,
  loadKubeConfig,
  newController,
  pause,
  silentLog,
  systemClock,
  type KubeClient,
} from "@longshore/operators/runtime";
import { Registry } from "prom-client";
import { createNodeClients, type NodeClients } from "./fleet/identities.ts";
import { createJournal, type JournalEntry } from "./fleet/journal.ts";
import { createKubelet, deletePod, type Kubelet } from "./fleet/kubelet.ts";
import { createPulls, type PullJob } from "./fleet/pulls.ts";
import { nodeAddress, registerNode, removeNode, renewLease, sayReady } from "./fleet/nodes.ts";
import { PODS, type FleetPod } from "./fleet/resources.ts";

export { DRAIN_MS } from "./fleet/pod-status.ts";
export type { JournalEntry } from "./fleet/journal.ts";

export interface FleetOptions {
  /** Names of the nodes; at most 250. */
  readonly names: readonly string[];
  /** Of every node, beside those that a kubelet gives it and the edge label. */
  readonly labels?: Readonly<Record<string, string>>;
  /** From a pod's binding until it is Ready; default 300 ms. */
  readonly startMs?: number;
  /** As its Node says it; default: it says none. */
  readonly kubeletVersion?: (name: string) => string;
  /** Time between two renewals of a node's Lease; default 4 s, a fifth of the environment's grace period. */
  readonly renewMs?: number;
}

/** Edge nodes that exist in the API only, with a kubelet that makes every pod Ready and lets go of it when told. */
export interface Fleet {
  /** The node says nothing more and does nothing, until comeBack; its pods run on. */
  goAway(name: string): void;
  /** Resolves when the node has said that it is Ready; its pods are looked after at once. */
  comeBack(name: string): Promise<void>;
  statusOf(name: string): { readonly isAway: boolean; readonly pods: readonly string[] };
  /** All ups and downs of pods, from the first on. */
  journal(): readonly JournalEntry[];
  /** Nodes that carried out an ImagePrePullJob, in order. */
  pulls(): readonly Pull[];
  /** Removes the nodes and what is bound to them. */
  close(): Promise<void>;
}

/** One node has the images of a job. */
export interface Pull {
  readonly node: string;
  readonly job: string;
  readonly images: readonly string[];
  /** Milliseconds since the epoch. */
  readonly time: number;
}

interface Member {
  readonly index: number;
  readonly kubeletVersion: string;
  isAway: boolean;
}
type Members = ReadonlyMap<string, Member>;

const MAX_NODES = 250;

/** Registers the nodes and resolves when all have said that they are Ready. */
export async function startFleet(kubeconfig: string, options: FleetOptions): Promise<Fleet> {
  const { names, labels = {}, startMs = 300, renewMs = 4000, kubeletVersion = () => "" } = options;
  if (names.length > MAX_NODES) throw new Error(`a fleet has at most ${MAX_NODES} nodes`);
  const client = createClient({ kubeConfig: loadKubeConfig(kubeconfig), userAgent: "longshore-fleet" });
  const nodes = createNodeClients(kubeconfig);
  const members = new Map(
    names.map((name, index) => [name, { index, kubeletVersion: kubeletVersion(name), isAway: false }]),
  );
  await clearNodes(client, nodes, members);
  await Promise.all([...members].map(([name, member]) => registerNode(client, name, member, labels)));
  const stop = new AbortController();
  const crew = startKubelet({ client, nodes, members, startMs }, stop.signal);
  const renewing = renewLeases(client, members, renewMs, stop.signal);
  await Promise.race([crew.synced, crew.ended]);
  const memberOf = (name: string): Member => {
    const member = members.get(name);
    if (member === undefined) throw new Error(`${name} is no node of this fleet`);
    return member;
  };
  return {
    goAway: (name) => void (memberOf(name).isAway = true),
    async comeBack(name) {
      const member = memberOf(name);
      await renewLease(client, name);
      await sayReady(client, name, member);
      member.isAway = false;
      crew.lookAfter(name);
    },
    statusOf: (name) => ({ isAway: memberOf(name).isAway, pods: crew.upOn(name) }),
    journal: () => crew.journal.entries(),
    pulls: () => [...crew.pulls],
    async close() {
      await clearNodes(client, nodes, members);
      stop.abort();
      await Promise.all([renewing, crew.ended]);
      await Promise.all([client.close(), nodes.close()]);
    },
  };
}

interface Crew extends Pick<Kubelet, "upOn"> {
  readonly journal: ReturnType<typeof createJournal>;
  readonly pulls: readonly Pull[];
  readonly synced: Promise<void>;
  /** Rejects when something of it failed for good. */
  readonly ended: Promise<void>;
  /** All pods of a node. */
  lookAfter(node: string): void;
}

interface CrewDeps {
  readonly client: KubeClient;
  readonly nodes: NodeClients;
  readonly members: Members;
  readonly startMs: number;
}

/** One watch of all pods that are bound, whatever the number of nodes. */
function startKubelet({ client, nodes, members, startMs }: CrewDeps, signal: AbortSignal): Crew {
  const manager = createManager({ client, registry: new Registry(), log: silentLog, gracefulStopMs: 5000 });
  const selection = { fieldSelector: "spec.nodeName!=" };
  const pods = manager.cache.informer<FleetPod>(PODS, selection);
  pods.addIndex("node", ({ spec }) => [spec.nodeName ?? ""]);
  const journal = createJournal();
  const pulls: Pull[] = [];
  const isPresent = (node: string): boolean => members.get(node)?.isAway === false;
  const kubelet = createKubelet({
    ...{ clientOf: (node) => nodes.of(node), clock: systemClock, journal, startMs },
    pod: (request) => pods.get(request),
    addressOf: (node) => {
      const member = members.get(node);
      return member === undefined || member.isAway ? undefined : nodeAddress(member.index);
    },
  });
  const again = createChannel("pods of nodes that came back");
  newController(manager)
    .named("fleet")
    .watches(PODS, enqueueSelf, selection)
    .watchesRaw(again)
    .withSettings({
      maxConcurrentReconciles: 32,
      limiter: createExponentialLimiter({ baseMs: 50, capMs: 2000, jitter: 0.5 }),
    })
    .complete(kubelet.reconcile);
  const jobs = manager.cache.informer<PullJob>(kinds.ImagePrePullJob);
  newController(manager)
    .named("fleet-pulls")
    .watches<PullJob>(kinds.ImagePrePullJob, enqueueSelf)
    .complete(
      createPulls({
        ...{ client, jobs, isPresent },
        pulled: (node, { metadata, spec }) =>
          void pulls.push({
            ...{ node, job: metadata.name, time: Date.now() },
            images: spec.imagePrePullTemplate?.images ?? [],
          }),
      }),
    );
  const ended = manager.start(signal);
  ended.catch(() => undefined); // whoever closes the fleet is told
  return {
    ...{ journal, pulls, ended, upOn: (node) => kubelet.upOn(node), synced: pods.synced() },
    lookAfter(node) {
      for (const { metadata } of pods.byIndex("node", node))
        again.enqueue({ namespace: metadata.namespace ?? "", name: metadata.name });
    },
  };
}

async function renewLeases(
  client: KubeClient,
  members: Members,
  renewMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pause(systemClock, renewMs, signal);
    const present = [...members].filter(([, { isAway }]) => !isAway && !signal.aborted);
    // A renewal that fails is made up for by the next.
    await Promise.allSettled(present.map(([name]) => renewLease(client, name)));
  }
}

const CLEARING_ROUNDS = 50;
const CLEARING_MS = 200;

/** Removes the nodes, then their pods, until the scheduler binds no more to what it still remembers. */
async function clearNodes(client: KubeClient, nodes: NodeClients, members: Members): Promise<void> {
  await Promise.all([...members.keys()].map((name) => removeNode(client, name)));
  for (let round = 0, quiet = 0; round < CLEARING_ROUNDS && quiet < 2; round++) {
    const { items } = await client.list<FleetPod>(PODS, { fieldSelector: "spec.nodeName!=" });
    const left = items.filter(({ spec }) => members.has(spec.nodeName ?? ""));
    quiet = left.length === 0 ? quiet + 1 : 0;
    await Promise.all(left.map((pod) => deletePod(nodes.of(pod.spec.nodeName ?? ""), pod)));
    if (quiet < 2) await pause(systemClock, CLEARING_MS, new AbortController().signal);
  }
}
