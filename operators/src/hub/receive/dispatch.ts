// SPDX-License-Identifier: Apache-2.0
import { SESSION_GROUP, SESSION_RESOURCE, type Frame } from "@longshore/crds/wire";

/** What an upstream frame is, before its resource is looked at. */
export type UpstreamClass = "session" | "keepalive" | "ack" | "error" | "control" | "upload" | "uplink";

const BY_OPERATION: ReadonlyMap<string, UpstreamClass> = new Map([
  ["keepalive", "keepalive"],
  ["response", "ack"],
  ["error", "error"],
  // Both halves of KubeEdge answer these in the connection layer.
  ["config", "control"],
  ["ping", "control"],
  ["pong", "control"],
  // A message by MQTT: its resource is a topic that a client chose, and never to be taken for an object.
  ["upload", "upload"],
]);

/**
 * Classifies by operation, as CloudHub does. `route.source` is never looked at: the sender is the certificate's
 * (B73). Frames of ours count only on a session that negotiated them.
 */
export function classify(frame: Frame, negotiated: boolean): UpstreamClass {
  const { group, resource, operation = "" } = frame.route;
  if (negotiated && group === SESSION_GROUP && resource === SESSION_RESOURCE) return "session";
  return BY_OPERATION.get(operation) ?? "uplink";
}

const FAMILY: ReadonlyMap<string, string> = new Map([
  ["podstatus", "pod"],
  ["podpatch", "pod"],
  ["nodestatus", "node"],
  ["nodepatch", "node"],
  ["device/twin/edge_updated", "device"],
  ["device/state/update", "device"],
]);

/** Frames with the same order key are handled one after the other: all that is about one object. */
export const orderKey = (resource: { namespace: string; type: string; name: string }): string =>
  `${FAMILY.get(resource.type) ?? resource.type}/${resource.type === "nodestatus" ? "" : resource.namespace}/${resource.name}`;

const SILENT = new Set(["membership/detail", "watchapp/sync"]);

/** Frames that KubeEdge edges send without needing an answer; they are counted and dropped. */
export const isSilent = (resource: string): boolean => SILENT.has(resource);
