// SPDX-License-Identifier: Apache-2.0
export type { TlsMaterial } from "./listener.ts";
export { defaultStreamTunnelOptions, type StreamTunnelOptions } from "./options.ts";
export { createStreamTunnel, type IdentifyNode, type StreamTunnel, type StreamTunnelDeps } from "./tunnel.ts";
