// SPDX-License-Identifier: Apache-2.0

/** What the launcher is told; all else is the agent's. */
export interface LauncherArguments {
  readonly agentDir: string;
  /** Stay the parent of the agent and start it again for ever. */
  readonly stay: boolean;
  /** Folder with an agent for the first slot, where there is none yet. */
  readonly seed: string | undefined;
  readonly help: boolean;
  readonly agent: readonly string[];
  /** Behind `--` */
  readonly node: readonly string[];
}

export const DEFAULT_AGENT_DIR = "/var/lib/longshore/agent";

/** The command line cannot be understood. */
export class ArgumentError extends Error {
  override readonly name = "ArgumentError";
  readonly code = "USAGE";
  readonly retryable = false;
}

/** @throws {ArgumentError} an option of the launcher's without its value, or twice */
export function parseArguments(args: readonly string[]): LauncherArguments {
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  const { values, rest } = takeValues(before);
  return {
    agentDir: values.get("--agent-dir") ?? DEFAULT_AGENT_DIR,
    stay: rest.includes("--stay"),
    seed: values.get("--seed"),
    help: rest.includes("--help") || rest.includes("-h"),
    agent: rest.filter((arg) => !FLAGS.has(arg)),
    node: end < 0 ? [] : args.slice(end + 1),
  };
}

const VALUES = new Set(["--agent-dir", "--seed"]);
const FLAGS = new Set(["--stay", "--help", "-h"]);

function takeValues(args: readonly string[]): { values: Map<string, string>; rest: string[] } {
  const values = new Map<string, string>();
  const rest: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    const name = arg.split("=", 1)[0] ?? "";
    if (!VALUES.has(name)) {
      rest.push(arg);
      continue;
    }
    const value = arg === name ? args[++at] : arg.slice(name.length + 1);
    if (value === undefined || value === "") throw new ArgumentError(`${name} needs a path`);
    if (values.has(name)) throw new ArgumentError(`${name} is given twice`);
    values.set(name, value);
  }
  return { values, rest };
}
