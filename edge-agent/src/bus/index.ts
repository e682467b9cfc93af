// SPDX-License-Identifier: Apache-2.0
/*
 * Devices and applications by MQTT, from what they say to what stands behind:
 *   event-bus.ts    puts the parts together            bus.ts       one message: what it asks, what it leads to
 *   topic.ts        pure: topics, filters              payload.ts   pure: bodies, keys, values
 *   answer.ts       results of requests                changes.ts   what changes in the book: documents, deltas
 *   uploads.ts      from the outbox to the cloud       recent.ts    packets that are sent again
 *   external/       a broker that others run           embedded/    the agent's own: door, users, limits
 */
export { createEventBus, type EventBus, type EventBusDeps } from "./event-bus.ts";
export { hashPassword } from "./embedded/credentials.ts";
export type { DeviceBook } from "./port.ts";
