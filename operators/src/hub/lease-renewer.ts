// SPDX-License-Identifier: Apache-2.0
import type { Client, KubeObject, Resource } from "../runtime/client.ts";
import { isAlreadyExists, isNotFound } from "../runtime/errors.ts";
import type { HubClock } from "./clock.ts";
import { Limiter } from "./limiter.ts";
import type { HubMetrics } from "./metrics.ts";
import type { SessionLog } from "./uplink/port.ts";

export interface LeaseRenewerDeps {
  readonly client: Client;
  readonly clock: HubClock;
  readonly metrics: Pick<HubMetrics, "leaseRenewals">;
  readonly log: SessionLog;
  readonly leaseDurationSeconds: number;
  /** Writes at a time; the rest wait, one for each node. */
  readonly concurrency: number;
  /** Keepalives that come faster than this do not write again. */
  readonly minIntervalMs: number;
}

export interface LeaseRenewer {
  /** The node is alive. Returns at once; a failed write is counted, and the next keepalive tries again. */
  renew(node: string): void;
  /** The node has no session here any more. */
  forget(node: string): void;
}

const LEASES: Resource = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  namespaced: true,
};
const NODES: Resource = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };
const NAMESPACE = "kube-node-lease";

interface Known {
  writing: boolean;
  writtenAtMs: number;
  /** The Lease has its Node as owner, as far as this hub knows. */
  owned: boolean;
}

/**
 * Keeps the Lease of each node that speaks our protocol, as its kubelet would (kube-node-lease, 40 s).
 *
 * Depends on the API server alone: node heartbeats go on while delivery is down. Keepalives arrive spread over time
 * as the connections did, so the writes are spread too.
 */
export function createLeaseRenewer(deps: LeaseRenewerDeps): LeaseRenewer {
  const nodes = new Map<string, Known>();
  const writes = new Limiter(deps.concurrency);

  const attempt = async (node: string, known: Known): Promise<void> => {
    try {
      await writes.run(() => writeLease(deps, node, known));
      known.writtenAtMs = deps.clock.nowMs();
      deps.metrics.leaseRenewals.inc({ result: "ok" });
    } catch (error) {
      deps.metrics.leaseRenewals.inc({ result: "error" });
      deps.log.warn({ err: error, node }, "lease not renewed");
    } finally {
      known.writing = false;
    }
  };

  return {
    renew: (node) => {
      const known = nodes.get(node) ?? { writing: false, writtenAtMs: -Infinity, owned: false };
      nodes.set(node, known);
      if (known.writing || deps.clock.nowMs() - known.writtenAtMs < deps.minIntervalMs) return;
      known.writing = true;
      void attempt(node, known);
    },
    forget: (node) => nodes.delete(node),
  };
}

async function writeLease(deps: LeaseRenewerDeps, node: string, known: Known): Promise<void> {
  const spec = {
    holderIdentity: node,
    leaseDurationSeconds: deps.leaseDurationSeconds,
    renewTime: microTime(deps.clock.wallMs()),
  };
  if (!known.owned) return createLease(deps, { node, spec, known });
  try {
    await deps.client.patch(LEASES, { namespace: NAMESPACE, name: node }, { type: "merge", body: { spec } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await createLease(deps, { node, spec, known });
  }
}

/** The first write of a session sets the owner too, so that a deleted Node takes its Lease along. */
async function createLease(
  deps: LeaseRenewerDeps,
  { node, spec, known }: { node: string; spec: object; known: Known },
): Promise<void> {
  const uid = await nodeUid(deps.client, node);
  const ownerReferences =
    uid === undefined ? undefined : [{ apiVersion: "v1", kind: "Node", name: node, uid }];
  const metadata = {
    name: node,
    namespace: NAMESPACE,
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
  };
  try {
    await deps.client.create(LEASES, { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const body = { ...(ownerReferences === undefined ? {} : { metadata: { ownerReferences } }), spec };
    await deps.client.patch(LEASES, { namespace: NAMESPACE, name: node }, { type: "merge", body });
  }
  known.owned = uid !== undefined;
}

async function nodeUid(client: Client, node: string): Promise<string | undefined> {
  try {
    return (await client.get<KubeObject>(NODES, { name: node }, { resourceVersion: "0" })).metadata.uid;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Kubernetes' MicroTime: RFC 3339 with six digits. */
const microTime = (wallMs: number): string => new Date(wallMs).toISOString().replace("Z", "000Z");
