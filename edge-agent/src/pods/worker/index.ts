// SPDX-License-Identifier: Apache-2.0
export type { PodContext } from "./context.ts";
export { POD_BUCKET } from "./journal.ts";
export type { PodRecord } from "./record.ts";
export { identityOf, type PodIdentity } from "./state.ts";
export { PodWorker } from "./worker.ts";
