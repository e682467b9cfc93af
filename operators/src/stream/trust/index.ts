// SPDX-License-Identifier: Apache-2.0
export { HUBS_ORGANIZATION, callerOf, mayAsk } from "./caller.ts";
export type { Caller, CallerFacts, CallerNames, CallerReason, Judgement } from "./caller.ts";
export { factsOf, parseBundle, readFacts, type Authorities } from "./chain.ts";
export { ClientCa, type ClientCaDeps } from "./client-ca.ts";
