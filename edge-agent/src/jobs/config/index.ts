// SPDX-License-Identifier: Apache-2.0
export { CHANGEABLE } from "./changeable.ts";
export type { ConfigOptions } from "./deps.ts";
export { createConfigRunner, type ConfigDeps } from "./runner.ts";
