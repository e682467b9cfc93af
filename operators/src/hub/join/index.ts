// SPDX-License-Identifier: Apache-2.0
export { openAuthority } from "./authority.ts";
export type { Authority, AuthorityOptions, TlsMaterial } from "./authority.ts";
export type { PeerCredential } from "./peer.ts";
export { SecretStore } from "./secret-store.ts";
export { defaultJoinOptions } from "./options.ts";
export type { JoinDeps, JoinOptions } from "./options.ts";
export { createJoinServer } from "./server.ts";
export type { JoinServer } from "./server.ts";
export { openTokenKeeper } from "./token-keeper.ts";
export type { TokenKeeper, TokenOptions } from "./token-keeper.ts";
