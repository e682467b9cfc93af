// SPDX-License-Identifier: Apache-2.0
export { openAuthority } from "./authority.ts";
export type { Authority, AuthorityOptions, TlsMaterial } from "./authority.ts";
export { SecretStore } from "./secret-store.ts";
export { createJoinServer, defaultJoinOptions } from "./server.ts";
export type { JoinDeps, JoinOptions, JoinServer } from "./server.ts";
export { openTokenKeeper } from "./token-keeper.ts";
export type { TokenKeeper, TokenOptions } from "./token-keeper.ts";
