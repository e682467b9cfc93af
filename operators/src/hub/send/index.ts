// SPDX-License-Identifier: Apache-2.0
export { catalog, type CatalogEntry } from "./catalog.ts";
export { type Encoded, encodeTombstone } from "./encoded.ts";
export { Pump, type PumpDeps, type PumpHost } from "./pump.ts";
export { pushHead, putOperation } from "./push.ts";
export { ObjectReader } from "./reader.ts";
export type { Slot } from "./window.ts";
