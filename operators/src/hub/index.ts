// SPDX-License-Identifier: Apache-2.0
export { createHub } from "./hub.ts";
export type { Hub, HubDeps } from "./hub.ts";
export { defaultHubOptions } from "./options.ts";
export type { HubOptions } from "./options.ts";
export { systemClock } from "./clock.ts";
export type { HubClock } from "./clock.ts";
export { catalog } from "./send/index.ts";
export type { CatalogEntry } from "./send/index.ts";
export type { TlsMaterial } from "./server/index.ts";
export { Limiter } from "./limiter.ts";
export { rejectCounter } from "./metrics.ts";
