// SPDX-License-Identifier: Apache-2.0
export { catalog, type CatalogEntry } from "./catalog.ts";
export { encodeTombstone, type Encoded } from "./encoded.ts";
export { Pump } from "./pump.ts";
export type { PumpDeps, PumpHost } from "./pump-port.ts";
export { pushHead, putOperation } from "./push.ts";
export { ObjectReader } from "./reader.ts";
export type { Slot } from "./window.ts";
