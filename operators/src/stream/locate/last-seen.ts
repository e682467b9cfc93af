// SPDX-License-Identifier: Apache-2.0
import { isNotFound, type Client, type KubeObject, type Resource } from "../../runtime/index.ts";
import type { Deadline } from "./deadline.ts";
import { lastSeenOf, type LastSeen, type NodeCondition } from "./offline.ts";

const LEASES: Resource = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  namespaced: true,
};
const NODES: Resource = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };
const LEASE_NAMESPACE = "kube-node-lease";

interface Lease extends KubeObject {
  readonly spec?: { readonly renewTime?: string };
}
interface Node extends KubeObject {
  readonly status?: { readonly conditions?: readonly NodeCondition[] };
}

/** Asks the cluster when the node was last seen. Never fails: what cannot be found out in time is "unknown". */
export async function lastSeen(
  client: Pick<Client, "get">,
  node: string,
  deadline: Deadline,
): Promise<LastSeen> {
  try {
    return await deadline.bound((signal) => askCluster(client, node, signal), "last seen");
  } catch {
    // It is one half of a sentence that says already what is wrong.
    return "unknown";
  }
}

async function askCluster(client: Pick<Client, "get">, node: string, signal: AbortSignal): Promise<LastSeen> {
  const options = { resourceVersion: "0", signal };
  const lease = await orAbsent(
    client.get<Lease>(LEASES, { namespace: LEASE_NAMESPACE, name: node }, options),
  );
  const renewTime = lease?.spec?.renewTime;
  if (renewTime !== undefined) return lastSeenOf({ renewTime });
  const found = await orAbsent(client.get<Node>(NODES, { name: node }, options));
  return lastSeenOf({ conditions: found?.status?.conditions });
}

async function orAbsent<T>(got: Promise<T>): Promise<T | undefined> {
  try {
    return await got;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
