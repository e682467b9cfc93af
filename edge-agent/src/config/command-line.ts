// SPDX-License-Identifier: Apache-2.0
import { isAbsolute } from "node:path";
import { parseArgs } from "node:util";
import { ConfigError, ExitCode } from "./errors.ts";

/** What the command line asks for. */
export interface CommandLine {
  readonly config: string;
  /** Folder of the agent's slots, from its launcher; undefined: it was started by something else. */
  readonly agentDir: string | undefined;
  readonly action: "run" | "version" | "help" | "hash-password";
}

/** KubeEdge's own place. */
export const DEFAULT_CONFIG_FILE = "/etc/kubeedge/config/edgecore.yaml";

const OPTIONS = {
  config: { type: "string" },
  "agent-dir": { type: "string" },
  version: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  "hash-password": { type: "boolean" },
} as const;

/** @throws {ConfigError} 64 for what is unknown, repeated or empty */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, tokens } = parse(args);
  const names = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw new ConfigError(ExitCode.usage, [`--${repeated} is given twice`]);
  if (values.config === "") throw new ConfigError(ExitCode.usage, ["--config needs a path"]);
  const agentDir = values["agent-dir"];
  if (agentDir !== undefined && !isAbsolute(agentDir))
    throw new ConfigError(ExitCode.usage, ["--agent-dir needs an absolute path"]);
  return { config: values.config ?? DEFAULT_CONFIG_FILE, agentDir, action: actionOf(values) };
}

function actionOf(values: ReturnType<typeof asOptions>["values"]): CommandLine["action"] {
  if (values.help) return "help";
  if (values.version) return "version";
  return values["hash-password"] ? "hash-password" : "run";
}

const asOptions = (args: readonly string[]) =>
  parseArgs({ args: [...args], options: OPTIONS, tokens: true, strict: true, allowPositionals: false });

function parse(args: readonly string[]): ReturnType<typeof asOptions> {
  try {
    return asOptions(args);
  } catch (error) {
    throw new ConfigError(ExitCode.usage, [error instanceof Error ? error.message : "bad arguments"], {
      cause: error,
    });
  }
}

/** Variables that put other code into this process. */
const REFUSED = ["NODE_OPTIONS", "LD_PRELOAD"] as const;

/** @throws {ConfigError} 77 when the environment changes what this process runs */
export function refuseEnvironment(env: Readonly<Record<string, string | undefined>>): void {
  const set = REFUSED.filter((name) => (env[name] ?? "") !== "");
  if (set.length > 0)
    throw new ConfigError(
      ExitCode.permission,
      set.map((name) => `${name} must not be set for the agent`),
    );
}
