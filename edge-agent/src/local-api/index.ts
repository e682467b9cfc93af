// SPDX-License-Identifier: Apache-2.0
export { createLocalApi, type LocalApi, type LocalApiDeps, type LocalApiOptions } from "./server.ts";
