// SPDX-License-Identifier: Apache-2.0
import { kinds, type Kind } from "@longshore/crds/kinds";
import type { KubeObject, Resource } from "../../runtime/client.ts";
import { ORDER_KINDS, type OrderKind } from "./order/job.ts";

/** How the hub reads and frames the objects of one resource type of the wire. */
export interface CatalogEntry {
  readonly resource: Resource;
  /** A put is always an `update`, as CloudCore does for these. */
  readonly alwaysUpdate: boolean;
  /** The hub may LIST this kind, so a consistent read also tells the revision of the whole store. */
  readonly listable: boolean;
  /** The digest is uid and resourceVersion, for controllers see the metadata only. */
  readonly metadataDigest: boolean;
  /** `route.source` of its frames; the edge tells devices from the rest by it. */
  readonly source: "edgecontroller" | "devicecontroller";
  /** EdgeCore finds out of a delete's content whom to tell: it gets the object, where it is known, not just its name. */
  readonly wholeDelete: boolean;
  /** Its bytes are kept for the next session that wants them; not so of what one node alone ever gets, and once. */
  readonly remembered: boolean;
  /** What an edge is shown of an object; default all of it. */
  readonly shown?: (object: KubeObject) => KubeObject;
  /** It is a job, and each node that is ordered by it gets what concerns that node. */
  readonly order?: OrderKind;
}

const core = (plural: string, kind: string, namespaced: boolean): Resource => ({
  group: "",
  version: "v1",
  plural,
  kind,
  namespaced,
});

type Special = Partial<Omit<CatalogEntry, "resource">>;

const entry = (resource: Resource, special: Special = {}): CatalogEntry => ({
  resource,
  alwaysUpdate: false,
  listable: true,
  metadataDigest: false,
  source: "edgecontroller",
  wholeDelete: false,
  remembered: true,
  ...special,
});

// One `get` at a time is all that the hub has of these: a list would be cluster-wide.
const deviceEntry = ({ group, version, plural, kind, namespaced }: Kind): CatalogEntry =>
  entry(
    { group, version, plural, kind, namespaced },
    { listable: false, source: "devicecontroller", wholeDelete: true },
  );

// As devices: no list. A job's status changes all the time, so what was ordered is told by its digest alone.
const orderEntries = (): (readonly [string, CatalogEntry])[] =>
  [...ORDER_KINDS].map(([name, order]) => {
    const { group, version, plural, kind, namespaced } = kinds[order.kind];
    return [name, entry({ group, version, plural, kind, namespaced }, { listable: false, order })];
  });

/** The kinds that a hub can send, by resource type of the wire grammar. Open: rules join it. */
export const catalog: ReadonlyMap<string, CatalogEntry> = new Map<string, CatalogEntry>([
  ["node", entry(core("nodes", "Node", false), { alwaysUpdate: true, remembered: false })],
  ["pod", entry(core("pods", "Pod", true))],
  ["configmap", entry(core("configmaps", "ConfigMap", true), { metadataDigest: true })],
  // as devices: no list
  [
    "secret",
    entry(core("secrets", "Secret", true), { alwaysUpdate: true, listable: false, metadataDigest: true }),
  ],
  ["devicemodel", deviceEntry(kinds.DeviceModel)],
  ["device", deviceEntry(kinds.Device)],
  ...orderEntries(),
]);

/** The catalog with Nodes shown in this way. */
export const catalogShowing = (
  shown: (node: KubeObject) => KubeObject,
  all: ReadonlyMap<string, CatalogEntry> = catalog,
): ReadonlyMap<string, CatalogEntry> =>
  new Map([...all].map(([kind, one]) => [kind, kind === "node" ? { ...one, shown } : one]));

/** `apiVersion` of a resource. */
export const apiVersionOf = (resource: Resource): string =>
  resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
