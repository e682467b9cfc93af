// SPDX-License-Identifier: Apache-2.0
export { configDocs, configHelp, shownConfig } from "./config-docs.ts";
export { ConfigError, readConfig, type ConfigResult, type ConfigSources } from "./config-read.ts";
export type { Config } from "./config-schema.ts";
