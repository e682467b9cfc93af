// SPDX-License-Identifier: Apache-2.0
export { catalog, catalogShowing, type CatalogEntry } from "./catalog.ts";
export type { Encoded } from "./encoded.ts";
export { framePush } from "./framing.ts";
export { createOrderReports } from "./order/index.ts";
export { Pump } from "./pump.ts";
export type { PumpDeps, PumpHost } from "./pump-port.ts";
export { ObjectReader } from "./reader.ts";
export type { Slot } from "./window.ts";
