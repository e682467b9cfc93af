// SPDX-License-Identifier: Apache-2.0
import { DEVICE_BATCH_LIMITS, type BatchSample, type BatchState, type BatchTwin } from "@longshore/crds/wire";
import type { UplinkRequest } from "../../tunnel/port.ts";
import type { Sample } from "./newest.ts";
import type { StateRecord } from "./states.ts";
import type { TwinReport } from "./twins.ts";

/** Which event it is: only for those who read along, for the cloud matches replies by message id. */
export interface FrameFacts {
  readonly eventId: string;
  readonly nowMs: number;
}

const ROUTE = { source: "twin", group: "resource", operation: "update" } as const;

/** Reported values of one device (wire format, section 7.3). @param key `<namespace>/<name>` */
export function twinFrame(
  key: string,
  reports: readonly TwinReport[],
  { eventId, nowMs }: FrameFacts,
): UplinkRequest {
  const twin = Object.fromEntries(reports.map((report) => [report.property, wireTwin(report)]));
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

const wireValue = ({ value, timestampMs }: Sample): object => ({
  value,
  metadata: { timestamp: timestampMs },
});

const wireTwin = ({ reported, observed, type }: TwinReport): object => ({
  ...(observed && { expected: wireValue(observed) }),
  ...(reported && { actual: wireValue(reported) }),
  optional: false,
  metadata: { type },
});

const batchSample = (sample: Sample | undefined): BatchSample | null =>
  sample === undefined ? null : [sample.value, sample.timestampMs];

/** One property in a batch. */
export const batchTwin = ({ property, type, reported, observed }: TwinReport): BatchTwin => [
  ...([property, type, batchSample(reported), batchSample(observed)] as const),
];

/** A state in a batch; KubeEdge's own frame has no place for why. */
export function batchState({ state, lastOnlineTime, reason, message, mapper }: StateRecord): BatchState {
  return {
    state,
    ...(lastOnlineTime !== undefined && { lastOnlineTime }),
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message: message.slice(0, DEVICE_BATCH_LIMITS.messageChars) }),
    ...(mapper !== undefined && { mapper: mapper.slice(0, DEVICE_BATCH_LIMITS.nameChars) }),
  };
}
