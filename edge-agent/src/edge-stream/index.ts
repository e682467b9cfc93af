// SPDX-License-Identifier: Apache-2.0
export type { TlsIdentity } from "./dial.ts";
export { createEdgeStream, type EdgeStream, type EdgeStreamDeps } from "./edge-stream.ts";
export { createEdgeStreamMetrics, type EdgeStreamMetrics } from "./metrics.ts";
export { defaultEdgeStreamOptions, type EdgeStreamOptions } from "./options.ts";
