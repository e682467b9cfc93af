// SPDX-License-Identifier: Apache-2.0
import { RANGE_NODE_GROUP, SERVICE_TOPOLOGY } from "./marks.ts";

/** Name of a node's group; undefined for a node without one, null for a node that is not known. */
export type GroupOf = (node: string) => string | null | undefined;

type Fields = Readonly<Record<string, unknown>>;

const SERVICE_NAME_LABEL = "kubernetes.io/service-name";

/** Name of the Service that an Endpoints or EndpointSlice object belongs to; undefined for slices of none. */
export function serviceNameOf(object: object): string | undefined {
  const { kind, metadata } = object as { readonly kind?: string; readonly metadata?: Fields };
  const labels = (metadata?.["labels"] ?? {}) as Fields;
  const name = isSlice(object as Fields, kind) ? labels[SERVICE_NAME_LABEL] : metadata?.["name"];
  return typeof name === "string" && name !== "" ? name : undefined;
}

/**
 * What a node sees of a Service's Endpoints or EndpointSlice: with the annotation range-nodegroup, the addresses on
 * the node itself and on nodes of its own group. A node without group sees those on nodes without group. Addresses
 * of no node, or of one that is not known, are left out. Does as KubeEdge's filter, whose cloud fails over slices
 * with such addresses.
 *
 * @returns the same object when nothing is left out
 */
export function reduceEndpoints<T extends object>(
  object: T,
  serviceAnnotations: Readonly<Record<string, string>> | undefined,
  ownNode: string,
  groupOf: GroupOf,
): T {
  if (serviceAnnotations?.[SERVICE_TOPOLOGY] !== RANGE_NODE_GROUP) return object;
  const fields = object as Fields;
  const isSeen = seenBy(ownNode, groupOf);
  if (isSlice(fields, fields["kind"])) return reduceSlice(fields, isSeen) as T;
  return Array.isArray(fields["subsets"]) ? (reduceSubsets(fields, isSeen) as T) : object;
}

const isSlice = (object: Fields, kind: unknown): boolean =>
  kind === undefined ? Array.isArray(object["endpoints"]) : kind === "EndpointSlice";

type IsSeen = (address: unknown) => boolean;

function seenBy(ownNode: string, groupOf: GroupOf): IsSeen {
  let ownGroup: { readonly name: string | null | undefined } | undefined;
  return (address) => {
    const node = (address as { readonly nodeName?: unknown } | null)?.nodeName;
    if (typeof node !== "string" || node === "") return false;
    if (node === ownNode) return true;
    ownGroup ??= { name: groupOf(ownNode) };
    return ownGroup.name !== null && groupOf(node) === ownGroup.name;
  };
}

/** The list without what is not seen; the same list when all of it is. */
function seen(list: readonly unknown[], isSeen: IsSeen): readonly unknown[] {
  const kept = list.filter(isSeen);
  return kept.length === list.length ? list : kept;
}

function reduceSlice(slice: Fields, isSeen: IsSeen): Fields {
  const { endpoints } = slice;
  if (!Array.isArray(endpoints)) return slice;
  const kept = seen(endpoints, isSeen);
  return kept === endpoints ? slice : { ...slice, endpoints: kept };
}

function reduceSubsets(object: Fields, isSeen: IsSeen): Fields {
  const subsets = object["subsets"] as readonly Fields[];
  const reduced = subsets.map((subset) => reduceSubset(subset, isSeen));
  if (reduced.every((subset, index) => subset === subsets[index])) return object;
  return {
    ...object,
    subsets: reduced.filter((subset) => ADDRESS_LISTS.some((key) => subset[key] !== undefined)),
  };
}

const ADDRESS_LISTS = ["addresses", "notReadyAddresses"];

/** The subset without what is not seen, and without lists that become empty. */
function reduceSubset(subset: Fields, isSeen: IsSeen): Fields {
  const entries = Object.entries(subset).map(([key, list]): [string, unknown] =>
    ADDRESS_LISTS.includes(key) && Array.isArray(list) ? [key, seen(list, isSeen)] : [key, list],
  );
  if (entries.every(([key, value]) => value === subset[key])) return subset;
  return Object.fromEntries(
    entries.filter(([key, value]) => value === subset[key] || (value as unknown[]).length > 0),
  );
}
