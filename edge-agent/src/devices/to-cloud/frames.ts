// SPDX-License-Identifier: Apache-2.0
import type { UplinkRequest } from "../../tunnel/port.ts";
import type { StateRecord } from "./states.ts";

/** Which event it is: only for those who read along, for the cloud matches replies by message id. */
export interface FrameFacts {
  readonly eventId: string;
  readonly nowMs: number;
}

const ROUTE = { source: "twin", group: "resource", operation: "update" } as const;

/** Reported values of one device (wire format, section 7.3). @param key `<namespace>/<name>` */
export function twinFrame(
  key: string,
  twin: Readonly<Record<string, unknown>>,
  { eventId, nowMs }: FrameFacts,
): UplinkRequest {
  const content = { event_id: eventId, timestamp: nowMs, twin };
  return { ...ROUTE, resource: `device/${key}/twin/edge_updated`, content };
}

/** State of one device; its content is a JSON document in a string. @param key `<namespace>/<name>` */
export function stateFrame(
  key: string,
  { state, lastOnlineTime }: StateRecord,
  { eventId, nowMs }: FrameFacts,
): UplinkRequest {
  const name = key.slice(key.indexOf("/") + 1);
  const device = { name, state, ...(lastOnlineTime !== undefined && { lastOnlineTime }) };
  const content = JSON.stringify({ event_id: eventId, timestamp: nowMs, device });
  return { ...ROUTE, resource: `device/${key}/state/update`, content };
}
