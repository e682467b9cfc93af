// SPDX-License-Identifier: Apache-2.0
export { PEER_PATH } from "./link.ts";
export { PeerPool, UnreachableError, type PeerPoolDeps, type PeerRequest } from "./pool.ts";
export { PeerServer, type PeerServerDeps } from "./serve.ts";
