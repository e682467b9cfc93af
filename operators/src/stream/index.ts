// SPDX-License-Identifier: Apache-2.0
export { defaultStreamOptions, type StreamServerOptions } from "./options.ts";
export type { PeerCredential, StreamServer, StreamServerDeps, StreamTls } from "./port.ts";
export { createStreamServer } from "./server.ts";
