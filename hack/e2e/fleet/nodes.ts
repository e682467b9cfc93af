// SPDX-License-Identifier: Apache-2.0
// What a kubelet does for its Node: registers it, says that it is Ready, and renews its Lease.
import { isAlreadyExists, isNotFound, type Client, type KubeObject } from "@longshore/operators/runtime";
import { LEASES, NODES } from "./resources.ts";

const LEASE_NAMESPACE = "kube-node-lease";
const LEASE_SECONDS = 40;
const CAPACITY = { cpu: "8", memory: "16Gi", pods: "110", "ephemeral-storage": "50Gi" };
const NODE_INFO = {
  ...{ architecture: "amd64", bootID: "simulated", containerRuntimeVersion: "none://1", kernelVersion: "6" },
  ...{ kubeProxyVersion: "", machineID: "simulated", operatingSystem: "linux", osImage: "", systemUUID: "" },
};
const CLEANUP_MS = 10_000;

/** What tells a node from others. */
export interface NodeFacts {
  /** Its address follows from it. */
  readonly index: number;
  /** "": it says none. */
  readonly kubeletVersion: string;
}

export async function registerNode(
  client: Client,
  name: string,
  facts: NodeFacts,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  await removeNode(client, name); // what an earlier run left
  const made = await client.create<KubeObject>(NODES, {
    metadata: {
      name,
      labels: {
        ...{ "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" },
        "node-role.kubernetes.io/edge": "",
        ...labels,
      },
    },
  });
  await renewLease(client, name, made.metadata.uid);
  await sayReady(client, name, facts);
}

/** Without this, a node that was away would stay what the cluster has made of it: Unknown. */
export async function sayReady(
  client: Client,
  name: string,
  { index, kubeletVersion }: NodeFacts,
): Promise<void> {
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const condition = (type: string, status: "True" | "False", reason: string) => ({
    ...{ type, status, reason, message: "simulated", lastHeartbeatTime: now, lastTransitionTime: now },
  });
  const status = {
    ...(kubeletVersion === "" ? {} : { nodeInfo: { ...NODE_INFO, kubeletVersion } }),
    capacity: CAPACITY,
    allocatable: CAPACITY,
    addresses: [
      { type: "InternalIP", address: nodeAddress(index) },
      { type: "Hostname", address: name },
    ],
    conditions: [
      condition("Ready", "True", "KubeletReady"),
      condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
      condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
      condition("PIDPressure", "False", "KubeletHasSufficientPID"),
    ],
  };
  const patch = { type: "strategic", body: { status } } as const;
  await client.patch(NODES, { name }, patch, { subresource: "status" });
}

/** Of the range for documentation: nothing is ever reached there. */
export const nodeAddress = (index: number): string => `203.0.113.${1 + (index % 254)}`;

/** @param uid of the Node, when the Lease may not be there yet: it goes with the Node */
export async function renewLease(client: Client, name: string, uid?: string): Promise<void> {
  const spec = {
    ...{ holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS },
    renewTime: new Date().toISOString().replace("Z", "000Z"), // microseconds
  };
  const at = { namespace: LEASE_NAMESPACE, name };
  if (uid !== undefined) {
    const ownerReferences = [{ apiVersion: "v1", kind: "Node", name, uid }];
    const lease = { metadata: { ...at, ownerReferences }, spec };
    const isMade = await client.create(LEASES, lease).then(
      () => true,
      (error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
        return false;
      },
    );
    if (isMade) return;
  }
  await client.patch(LEASES, at, { type: "merge", body: { spec } });
}

/** Removes the Node and its Lease, if they are there. */
export async function removeNode(client: Client, name: string): Promise<void> {
  const options = { timeoutMs: CLEANUP_MS, propagationPolicy: "Background" } as const;
  await orGone(client.delete(NODES, { name }, options));
  await orGone(client.delete(LEASES, { namespace: LEASE_NAMESPACE, name }, options));
}

export async function orGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
