// SPDX-License-Identifier: Apache-2.0
import { APPLICATION_LABEL } from "@longshore/crds/apps";
import { kinds } from "@longshore/crds/kinds";
import type { Resource } from "../runtime/index.ts";

const resourceOf = (kind: (typeof kinds)["EdgeApplication" | "NodeGroup"]): Resource => ({
  group: kind.group,
  version: kind.version,
  plural: kind.plural,
  kind: kind.kind,
  namespaced: kind.namespaced,
});

export const EDGE_APPLICATIONS = resourceOf(kinds.EdgeApplication);
export const NODE_GROUPS = resourceOf(kinds.NodeGroup);
export const NODES: Resource = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };

/** Owner of every field that an application gives its children, and of the application's status. */
export const FIELD_MANAGER = "longshore-edge-application";
/** Every child of any application, and nothing else. */
export const CHILDREN = APPLICATION_LABEL;
/** Annotation of a child: the target that it is for. Tells what may be pruned, also after a restart. */
export const TARGET = "longshore.io/target";
/** Annotation of a child: the version of `rollout.versions` that it is for. */
export const VERSION = "longshore.io/version";
/** ClusterRoles with this label are part of what the controllers may do for applications. */
export const AGGREGATION_LABEL = 'longshore.io/aggregate-to-edge-applications: "true"';

export const groupOf = (apiVersion: string): string =>
  apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
export const versionOf = (apiVersion: string): string => apiVersion.slice(apiVersion.indexOf("/") + 1);

/** What an object is, whichever version it is read in. */
export interface Ref {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export const refKey = ({ group, kind, namespace, name }: Ref): string =>
  `${group}/${kind}/${namespace}/${name}`;

/** `Deployment shop-north`, for people. */
export const nameFor = ({ kind, name }: Pick<Ref, "kind" | "name">): string => `${kind} ${name}`;
