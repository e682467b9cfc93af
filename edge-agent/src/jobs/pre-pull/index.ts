// SPDX-License-Identifier: Apache-2.0
export type { ImageService, PullOptions } from "./pull.ts";
export { createPrePullRunner, type PrePullDeps } from "./runner.ts";
export { createAskSecret, type AskSecret } from "./secret.ts";
