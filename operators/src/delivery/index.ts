// SPDX-License-Identifier: Apache-2.0
export type { Directory, HubAddress } from "./directory.ts";
export { DeliveryError, type DeliveryErrorCode } from "./errors.ts";
export type { Ledger, LedgerEntry, LedgerRecord, LedgerState } from "./ledger.ts";
export type { Acked, Batch, Fence, InventoryEntry, Mailbox, Owner, Wakeups, Want } from "./mailbox.ts";
export type { NodeStanding, Outbox, Ref, Scope, Standing, SyncResult } from "./outbox.ts";
export type { ClientLimits, RedisTarget } from "./redis-client.ts";
export { createControllerDelivery, createHubDelivery } from "./redis.ts";
export type { ControllerDelivery, DeliveryOptions, HubDelivery } from "./redis.ts";
