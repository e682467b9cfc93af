// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_LAUNCHER, type LauncherOptions } from "./options.ts";

/** What the launcher is told; all else is the agent's. */
export interface LauncherArguments {
  readonly agentDir: string;
  /** Stay the parent of the agent and start it again for ever. */
  readonly stay: boolean;
  /** Folder with an agent for the first slot, where there is none yet. */
  readonly seed: string | undefined;
  readonly help: boolean;
  readonly options: LauncherOptions;
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
    options: {
      pollMs: numberOf(values, "--poll-ms", DEFAULT_LAUNCHER.pollMs),
      graceMs: numberOf(values, "--grace-ms", DEFAULT_LAUNCHER.graceMs),
      restartMs: numberOf(values, "--restart-ms", DEFAULT_LAUNCHER.restartMs),
      restartMaxMs: numberOf(values, "--restart-max-ms", DEFAULT_LAUNCHER.restartMaxMs),
      calmMs: numberOf(values, "--calm-ms", DEFAULT_LAUNCHER.calmMs),
    },
    help: rest.includes("--help") || rest.includes("-h"),
    agent: rest.filter((arg) => !FLAGS.has(arg)),
    node: end < 0 ? [] : args.slice(end + 1),
  };
}

const NUMBERS = ["--poll-ms", "--grace-ms", "--restart-ms", "--restart-max-ms", "--calm-ms"] as const;
const VALUES = new Set<string>(["--agent-dir", "--seed", ...NUMBERS]);
const FLAGS = new Set(["--stay", "--help", "-h"]);

const MAX_MS = 3_600_000;

function numberOf(
  values: ReadonlyMap<string, string>,
  name: (typeof NUMBERS)[number],
  fallback: number,
): number {
  const text = values.get(name) ?? String(fallback);
  const number = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > MAX_MS) throw new ArgumentError(`${name} takes 1 to ${MAX_MS} milliseconds`);
  return number;
}

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
    if (value === undefined || value === "") throw new ArgumentError(`${name} needs a value`);
    if (values.has(name)) throw new ArgumentError(`${name} is given twice`);
    values.set(name, value);
  }
  return { values, rest };
}
