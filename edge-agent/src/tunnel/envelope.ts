// SPDX-License-Identifier: Apache-2.0
import {
  SESSION_GROUP,
  SESSION_RESOURCE,
  SessionOperation,
  type AckBatch,
  type Frame,
  type Hello,
  type InventoryPart,
  type Nack,
} from "@longshore/crds/wire";
import type { UplinkRequest } from "./port.ts";

/** Makes the frames that the edge sends. */
export interface Envelope {
  keepalive(): Frame;
  request(request: UplinkRequest): Frame;
  /** The answer to a `config`, `ping` or `pong` message. */
  control(to: Frame): Frame;
  /** KubeEdge's acknowledgement: names the message as parent, echoes its route. */
  ok(to: Frame): Frame;
  /** KubeEdge's refusal; the cloud does not take it for an acknowledgement. */
  error(to: Frame, message: string): Frame;
  hello(hello: Hello): Frame;
  inventory(part: InventoryPart): Frame;
  ack(batch: AckBatch): Frame;
  nack(nack: Nack): Frame;
}

/** @param source of ids and of the informative timestamp */
export function createEnvelope(source: { newId: () => string; nowMs: () => number }): Envelope {
  const header = (parentId?: string): Frame["header"] => ({
    msg_id: source.newId(),
    ...(parentId === undefined ? {} : { parent_msg_id: parentId }),
    timestamp: source.nowMs(),
  });
  const session = (operation: string, content: unknown): Frame => ({
    header: header(),
    route: { source: "edged", group: SESSION_GROUP, operation, resource: SESSION_RESOURCE },
    content,
  });
  const response = (to: Frame, operation: string, content: string): Frame => ({
    header: header(to.header.msg_id),
    route: { ...ackRoute(to), operation },
    content,
  });
  return {
    keepalive: () => ({
      header: header(),
      route: { source: "websocket", group: "resource", operation: "keepalive", resource: "node" },
      content: "ping",
    }),
    request: ({ source: from = "edged", group = "meta", operation, resource, content }) => ({
      header: header(),
      route: { source: from, group, operation, resource },
      content,
    }),
    control: (to) => response(to, "response", "ack"),
    ok: (to) => response(to, "response", "OK"),
    error: (to, message) => response(to, "error", message),
    hello: (hello) => session(SessionOperation.hello, hello),
    inventory: (part) => session(SessionOperation.inventory, part),
    ack: (batch) => session(SessionOperation.ack, batch),
    nack: (nack) => session(SessionOperation.nack, nack),
  };
}

/** Source and group are copied, but an insert or delete of a device or model is acked as KubeEdge's edge does. */
function ackRoute(to: Frame): Frame["route"] {
  const { source, group, resource, operation } = to.route;
  const isDevice = source === "devicecontroller" && /\/device(model)?\//.test(resource ?? "");
  const route = isDevice && operation !== "update" ? { source: "meta", group: "twin" } : { source, group };
  return {
    ...(route.source === undefined ? {} : { source: route.source }),
    ...(route.group === undefined ? {} : { group: route.group }),
    ...(resource === undefined ? {} : { resource }),
  };
}
