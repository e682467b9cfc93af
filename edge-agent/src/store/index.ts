// SPDX-License-Identifier: Apache-2.0
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
