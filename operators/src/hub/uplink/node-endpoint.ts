// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from "../../runtime/client.ts";
import { fieldsAt, isFields, type Fields } from "./handler/index.ts";
import type { NodeEndpoint } from "./port.ts";

/** KubeEdge's port of the kubelet API, which edges report of themselves. */
const OWN_PORT = 10_350;
/** Read by metrics-server: all nodes of a hub have one address, so the path tells whose metrics are meant. */
const METRICS_PATH = "metrics.k8s.io/resource-metrics-path";
/** In a strategic merge patch: this list takes the place of the one before, instead of merging by type. */
const REPLACE = { $patch: "replace" };
const ORDER = "$setElementOrder/addresses";

/** Annotations of a Node that is reached through a hub. */
export const endpointAnnotations = (node: string): Record<string, string> => ({
  [METRICS_PATH]: `/nodes/${node}/metrics/resource`,
});

/** The status of a registration, with the hub's address before the node's own. Pure. */
export function advertisedStatus(status: Fields, endpoint: NodeEndpoint): Fields {
  const own = Array.isArray(status["addresses"]) ? (status["addresses"] as unknown[]) : [];
  return {
    ...status,
    addresses: withEndpoint(own, endpoint),
    daemonEndpoints: endpointsOf(status, endpoint),
  };
}

/**
 * A patch of the status subresource, so that what it says of addresses and port does not take the hub's away; with
 * the annotations, which that subresource writes too. What says nothing of them stays as it is. Pure.
 */
export function advertisedPatch(node: string, status: Fields, endpoint: NodeEndpoint): object {
  const { [ORDER]: order, ...kept } = status;
  const rewritten: Record<string, unknown> = kept;
  const { addresses } = status;
  const isReplaced = addresses === null || (Array.isArray(addresses) && addresses.length > 0);
  if (isReplaced) {
    // Merged by type, ours and the node's own would overwrite one another.
    const own = Array.isArray(addresses) ? (addresses as unknown[]) : [];
    rewritten["addresses"] = own.some(isDirective)
      ? withEndpoint(own, endpoint)
      : [...withEndpoint(own, endpoint), REPLACE];
  } else if (order !== undefined) rewritten[ORDER] = order;
  if (!isReplaced && !Object.hasOwn(status, "daemonEndpoints")) return { status };
  rewritten["daemonEndpoints"] = endpointsOf(status, endpoint);
  return { metadata: { annotations: endpointAnnotations(node) }, status: rewritten };
}

/** A patch of the status subresource after which the Node advertises the hub; undefined when it does. Pure. */
export function missingAdvertisement(node: KubeObject, endpoint: NodeEndpoint): object | undefined {
  const { name, annotations = {} } = node.metadata;
  const status = statusOf(node);
  const addresses = Array.isArray(status["addresses"]) ? (status["addresses"] as unknown[]) : [];
  const { Port } = fieldsAt(fieldsAt(status, "daemonEndpoints"), "kubeletEndpoint");
  const isTold =
    isEndpoint(addresses[0], endpoint) &&
    Port === endpoint.port &&
    Object.entries(endpointAnnotations(name)).every(([key, value]) => annotations[key] === value);
  if (isTold) return undefined;
  // Or the Node would collect the addresses of all hubs that it ever was at.
  const own = leadsToHub(node, endpoint) ? addresses.slice(1) : addresses;
  return advertisedPatch(name, { addresses: nullIfEmpty(own) }, endpoint);
}

/** Does the Node lead to a hub, this one or another? Pure. */
export function advertisesHub(node: KubeObject): boolean {
  const { Port } = fieldsAt(fieldsAt(statusOf(node), "daemonEndpoints"), "kubeletEndpoint");
  return node.metadata.annotations?.[METRICS_PATH] !== undefined && Port !== OWN_PORT;
}

/** Is its first address a hub's: ours, or that of the hub where its session was before? */
function leadsToHub(node: KubeObject, endpoint: NodeEndpoint): boolean {
  const status = statusOf(node);
  const [first] = Array.isArray(status["addresses"]) ? (status["addresses"] as unknown[]) : [];
  const { Port } = fieldsAt(fieldsAt(status, "daemonEndpoints"), "kubeletEndpoint");
  const isAnothers = isFields(first) && first["type"] === endpoint.type && Port === endpoint.port;
  return isEndpoint(first, endpoint) || (isAnothers && advertisesHub(node));
}

/**
 * A Node as its edge reported it. An EdgeCore compares it with what it finds, and takes the first address for that
 * of its pods. Pure.
 */
export function ownNodeOf<T extends KubeObject>(node: T, endpoint: NodeEndpoint | undefined): T {
  const status = statusOf(node);
  if (endpoint === undefined || !Array.isArray(status["addresses"])) return node;
  const [, ...own] = status["addresses"] as unknown[];
  if (!leadsToHub(node, endpoint)) return node;
  const daemonEndpoints = endpointsOf(status, { ...endpoint, port: OWN_PORT });
  return { ...node, status: { ...status, addresses: own, daemonEndpoints } };
}

const nullIfEmpty = (addresses: readonly unknown[]): readonly unknown[] | null =>
  addresses.length === 0 ? null : addresses;

const statusOf = (node: KubeObject): Fields => fieldsAt(node as unknown as Fields, "status");

const withEndpoint = (addresses: readonly unknown[], endpoint: NodeEndpoint): unknown[] => [
  { type: endpoint.type, address: endpoint.address },
  ...addresses.filter((one) => !isEndpoint(one, endpoint)),
];

function endpointsOf(status: Fields, { port }: NodeEndpoint): object {
  const endpoints = fieldsAt(status, "daemonEndpoints");
  return { ...endpoints, kubeletEndpoint: { ...fieldsAt(endpoints, "kubeletEndpoint"), Port: port } };
}

const isEndpoint = (address: unknown, endpoint: NodeEndpoint): boolean =>
  isFields(address) && address["type"] === endpoint.type && address["address"] === endpoint.address;

const isDirective = (address: unknown): boolean => isFields(address) && address["$patch"] === "replace";
