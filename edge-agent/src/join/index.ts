// SPDX-License-Identifier: Apache-2.0
export { writeBundle, type IdentityPaths } from "./bundle.ts";
export { ensureIdentity, type EnsureDeps } from "./ensure.ts";
export { JoinError, type JoinErrorCode } from "./errors.ts";
export type { Identity } from "./identity.ts";
export { renew, type JoinOptions } from "./join.ts";
export { startRotation } from "./rotation.ts";
