// SPDX-License-Identifier: Apache-2.0
export {
  createTunnel,
  DEFAULT_TUNNEL_OPTIONS,
  type Tunnel,
  type TunnelDeps,
  type TunnelOptions,
} from "./client.ts";
export type { TlsIdentity } from "./dial.ts";
export type { TunnelMetrics } from "./metrics.ts";
export type { AgentFacts } from "./session.ts";
export { TunnelError, type TunnelErrorCode, type Uplink, type UplinkRequest } from "./port.ts";
