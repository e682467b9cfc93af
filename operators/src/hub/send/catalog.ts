// SPDX-License-Identifier: Apache-2.0
import type { Resource } from "../../runtime/client.ts";

/** How the hub reads and frames the objects of one resource type of the wire. */
export interface CatalogEntry {
  readonly resource: Resource;
  /** A put is always an `update`, as CloudCore does for these. */
  readonly alwaysUpdate: boolean;
  /** The hub may LIST this kind, so a consistent read also tells the revision of the whole store. */
  readonly listable: boolean;
  /** The digest is uid and resourceVersion, for controllers see the metadata only. */
  readonly metadataDigest: boolean;
}

const core = (plural: string, kind: string, namespaced: boolean): Resource => ({
  group: "",
  version: "v1",
  plural,
  kind,
  namespaced,
});

/** The kinds that a hub can send, by resource type of the wire grammar. Open: devices, jobs and rules join it. */
export const catalog: ReadonlyMap<string, CatalogEntry> = new Map<string, CatalogEntry>([
  [
    "node",
    { resource: core("nodes", "Node", false), alwaysUpdate: true, listable: true, metadataDigest: false },
  ],
  [
    "pod",
    { resource: core("pods", "Pod", true), alwaysUpdate: false, listable: true, metadataDigest: false },
  ],
  [
    "configmap",
    {
      resource: core("configmaps", "ConfigMap", true),
      alwaysUpdate: false,
      listable: true,
      metadataDigest: true,
    },
  ],
  // `get` on Secrets is all that the hub has: a list would be cluster-wide.
  [
    "secret",
    { resource: core("secrets", "Secret", true), alwaysUpdate: true, listable: false, metadataDigest: true },
  ],
]);

/** `apiVersion` of a resource. */
export const apiVersionOf = (resource: Resource): string =>
  resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
