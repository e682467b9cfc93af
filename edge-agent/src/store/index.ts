// SPDX-License-Identifier: Apache-2.0
export { createOutbox, type OutboxDeps } from "./outbox.ts";
export type { Gap, Outbox, OutboxRow } from "./outbox-port.ts";
export { createStore, type Store, type StoreDeps } from "./store.ts";
export {
  StoreError,
  type DesiredEvent,
  type DesiredStore,
  type RecordStore,
  type StoreChange,
  type StoredObject,
  type StoreErrorCode,
  type StoreOutcome,
} from "./port.ts";
