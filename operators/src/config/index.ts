// SPDX-License-Identifier: Apache-2.0
export { configDocs, configHelp, shownConfig } from "./docs.ts";
export { ConfigError, readConfig, type ConfigResult, type ConfigSources } from "./read.ts";
export type { Config } from "./schema.ts";
