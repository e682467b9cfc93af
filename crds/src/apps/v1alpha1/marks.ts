// SPDX-License-Identifier: Apache-2.0

/** Label of a node that is a member of a NodeGroup; the value is the group's name. KubeEdge's. */
export const BELONGING_TO = "apps.kubeedge.io/belonging-to";
/** Label of a member of a group with topologyEnabled; the value is the group's name. Kubernetes'. */
export const ZONE = "topology.kubernetes.io/zone";
/** Annotation of a Service whose endpoints are those of the client's own group. KubeEdge's. */
export const SERVICE_TOPOLOGY = "apps.kubeedge.io/service-topology";
export const RANGE_NODE_GROUP = "range-nodegroup";
/** Annotation of a child: what it was last made from. KubeEdge's. */
export const LAST_APPLIED_TEMPLATE = "apps.kubeedge.io/last-applied-template";
/** Annotation of an EdgeApplication: its children, so that those that are dropped can be found. KubeEdge's. */
export const LAST_CONTAINED_RESOURCES = "apps.kubeedge.io/last-contained-resources";
/** Label of every child, by which it is watched; the value is the EdgeApplication's uid. */
export const APPLICATION_LABEL = "longshore.io/edge-application";
/** Annotation of a manifest of a workload that is not to be copied for each target. */
export const ONCE = "longshore.io/once";
/** Label of a NodeGroup or EdgeApplication whose workloads and pods nobody may change by hand. */
export const PROTECTED = "longshore.io/protected";
/** Prefix of the label that tells which version of an application a host runs; the name is VERSION_LABEL's. */
export const VERSION_LABEL_DOMAIN = "version.longshore.io";
/** Annotation of a member: its group, and what that gave to it. */
export const NODE_GROUP_GIVEN = "longshore.io/node-group";
/** Annotation of a node that left groups whose pods may still be on it: the names of these groups. */
export const NODE_GROUP_LEFT = "longshore.io/node-group-left";
/** Label of a namespace that holds something protected: policies look nowhere else, so that they can stand in nobody's way. */
export const GUARDED = "longshore.io/guarded";
