// SPDX-License-Identifier: Apache-2.0
export { metadataDigest, objectDigest } from "./digest.ts";
export { grants } from "./grants.ts";
export type { Grant } from "./grants.ts";
