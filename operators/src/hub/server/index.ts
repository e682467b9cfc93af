// SPDX-License-Identifier: Apache-2.0
export { Gate, type Identify } from "./gate.ts";
export { createTunnelServer, offersProtocol, type TlsMaterial, type TunnelServer } from "./server.ts";
export type { PeerSocket } from "./tunnel-socket.ts";
