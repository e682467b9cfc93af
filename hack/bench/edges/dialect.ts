// SPDX-License-Identifier: Apache-2.0
// What a simulated edge says. Pure: text in, text out.
import { randomUUID } from "node:crypto";
import {
  inventoryDigest,
  PROTOCOL_HEADER,
  PROTOCOL_VERSION,
  SESSION_GROUP,
  SESSION_RESOURCE,
  type FrameRoute,
  type InventoryItem,
} from "@longshore/crds/wire";

/** `kubeedge` is what every implementation of the tunnel speaks; `longshore` adds what our hub negotiates. */
export type Dialect = "kubeedge" | "longshore";
export const DIALECTS: readonly Dialect[] = ["kubeedge", "longshore"];

/** CloudCore's default project, which is part of the tunnel's path. */
export const PROJECT = "e632aba927ea4ac2b575ec1603d56f10";

export const tunnelPath = (node: string): string => `/${PROJECT}/${node}/events`;

export const upgradeHeaders = (node: string, dialect: Dialect): Record<string, string> => ({
  node_id: node,
  project_id: PROJECT,
  ConnectionUse: "msg",
  ...(dialect === "longshore" ? { [PROTOCOL_HEADER]: PROTOCOL_VERSION } : {}),
});

const frame = (route: FrameRoute, content: unknown, parent?: string): string =>
  JSON.stringify({
    header: {
      msg_id: randomUUID(),
      ...(parent === undefined ? {} : { parent_msg_id: parent }),
      timestamp: Date.now(),
    },
    route,
    content,
  });

const session = (operation: string, content: unknown): string =>
  frame({ source: "edged", group: SESSION_GROUP, operation, resource: SESSION_RESOURCE }, content);

export const keepalive = (): string =>
  frame({ source: "websocket", group: "resource", operation: "keepalive", resource: "node" }, "ping");

/** What is held by the edge, as its hello and its inventory tell. */
export const hello = (items: readonly InventoryItem[], sessionEpoch: number, clusterEpoch: number): string =>
  session("hello", {
    sessionEpoch,
    clusterEpoch,
    inventoryDigest: inventoryDigest(items),
    inventoryCount: items.length,
    agentVersion: "bench",
    machineId: "bench",
    bootId: "bench",
  });

export const inventory = (items: readonly InventoryItem[]): string =>
  session("inventory", { part: 0, last: true, items });

export const ackMany = (ids: readonly string[]): string => session("ack", { ids });

/** KubeEdge's acknowledgement of one push. */
export const ok = (push: Push): string =>
  frame(
    {
      source: push.group === "twin" ? "meta" : "edged",
      group: push.group,
      operation: "response",
      resource: push.resource,
    },
    "OK",
    push.id,
  );

/** A frame that is to be acknowledged, as far as an edge that keeps nothing reads it. */
export interface Push {
  readonly id: string;
  readonly group: string;
  readonly operation: string;
  readonly resource: string;
  readonly resourceVersion: string;
  readonly digest: string;
  readonly uid: string;
  /** Value of the marker that the bench puts into what it changes; 0 without one. */
  readonly round: number;
}

/** Text that the bench puts into an object, so that edges can tell its versions: `bench-round-<n>.` */
export const marker = (round: number): string => `bench-round-${round}.`;

/**
 * Reads a push without parsing its content, for the edges share a machine with the hub that they load.
 *
 * @returns undefined for what answers a request, and for what is not acknowledged
 */
export function readPush(text: string): Push | undefined {
  const head = text.slice(0, 600);
  if (head.includes('"parent_msg_id"')) return undefined;
  const field = (name: string): string => new RegExp(`"${name}":"([^"]*)"`).exec(head)?.[1] ?? "";
  const group = field("group");
  if (group !== "resource") return undefined;
  return {
    ...{ id: field("msg_id"), group, operation: field("operation"), resource: field("resource") },
    ...{ resourceVersion: field("resourceversion"), digest: field("digest") },
    uid: /"uid":"([^"]*)"/.exec(text)?.[1] ?? "",
    round: Number(/bench-round-(\d+)\./.exec(text)?.[1] ?? 0),
  };
}

/** Key of delivery of a pushed resource: `pod/default/web` of `default/pod/web`. */
export function keyOfResource(resource: string): string {
  const [namespace = "", kind = "", name = ""] = resource.split("/");
  return `${kind}/${namespace === "null" ? "" : namespace}/${name}`;
}
