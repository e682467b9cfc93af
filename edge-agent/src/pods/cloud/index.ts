// SPDX-License-Identifier: Apache-2.0
export { createEvents, type PodEvents } from "./events.ts";
export { createObjects, type PodObjects } from "./objects.ts";
export { referencesOf } from "./references.ts";
export { errorOf, isGone, isOtherUid } from "./reply.ts";
export { createTokens, type Tokens } from "./tokens.ts";
