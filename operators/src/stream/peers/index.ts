// SPDX-License-Identifier: Apache-2.0
export { PEER_PATH, PEER_SERVER_NAME } from "./link.ts";
export { PeerPool, UnreachableError, type PeerPoolDeps, type PeerRequest } from "./pool.ts";
export { PeerServer, type PeerServerDeps } from "./serve.ts";
