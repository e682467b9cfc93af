// SPDX-License-Identifier: Apache-2.0
export { toAgentConfig, type AgentConfig } from "./agent-config.ts";
export {
  DEFAULT_CONFIG_FILE,
  parseCommandLine,
  refuseEnvironment,
  type CommandLine,
} from "./command-line.ts";
export { ConfigError, ExitCode } from "./errors.ts";
export type { Field, Section, Taint } from "./fields.ts";
export { parseConfig, readConfigFile } from "./read.ts";
export { SCHEMA, type FileSettings } from "./schema.ts";
export { configTable, ignoredKeys } from "./table.ts";
export { readTokenFile } from "./token-file.ts";
