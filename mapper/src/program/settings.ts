// SPDX-License-Identifier: Apache-2.0
// Flags and environment of a mapper's program, as settings. Pure.
import { parseArgs } from "node:util";
import { LOG_LEVELS, type LogLevel } from "../log.ts";

/** Where the mapper listens for programs beside it. `host` is a name or an address, without brackets. */
export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

export interface Settings {
  readonly dmiSocket: string;
  readonly socket: string;
  /** undefined: off */
  readonly http: HttpAddress | undefined;
  /** Whether somebody asked for this address, so that it must be had. */
  readonly isHttpWanted: boolean;
  readonly tokenFile: string | undefined;
  readonly secretsDir: string | undefined;
  readonly logLevel: LogLevel;
}

/** What a command line asks for. */
export type Invocation =
  | { readonly kind: "run"; readonly settings: Settings }
  | { readonly kind: "help" | "version"; readonly text: string }
  /** each fault a sentence */
  | { readonly kind: "wrong"; readonly faults: readonly string[] };

type Env = Readonly<Record<string, string | undefined>>;

interface Flag {
  readonly env: string;
  readonly value: string;
  readonly help: string;
}

const flagsOf = (name: string) =>
  ({
    "dmi-socket": { env: "DMI_SOCKET", value: "/etc/kubeedge/dmi.sock", help: "the edge agent's socket" },
    socket: {
      env: "MAPPER_SOCKET",
      value: `/etc/kubeedge/${name.replaceAll(/[^\w.-]/g, "-")}.sock`,
      help: "this mapper's own socket, which the agent must reach by the same path",
    },
    "token-file": {
      env: "MAPPER_TOKEN_FILE",
      value: "",
      help: "the token that the agent made for this mapper",
    },
    http: {
      env: "MAPPER_HTTP",
      value: "127.0.0.1:7777",
      help: "host:port for programs beside this one; empty for none",
    },
    "secrets-dir": { env: "SECRETS_DIR", value: "", help: "folder of credentials of what is pushed to" },
    "log-level": { env: "LOG_LEVEL", value: "info", help: LOG_LEVELS.join(", ") },
  }) satisfies Readonly<Record<string, Flag>>;

type FlagName = keyof ReturnType<typeof flagsOf>;
type Values = Readonly<Record<FlagName, string>>;

/** Reads the command line; a flag goes before its variable. */
export function readInvocation(
  { name, version }: { readonly name: string; readonly version: string },
  argv: readonly string[],
  env: Env,
): Invocation {
  const flags = flagsOf(name);
  const given = parse(argv, Object.keys(flags));
  if (typeof given === "string") return { kind: "wrong", faults: [given] };
  if (given["help"] === true) return { kind: "help", text: helpText(name, flags) };
  if (given["version"] === true) return { kind: "version", text: `${name} ${version}\n` };
  const said = (flag: FlagName): string | undefined => {
    const value = given[flag];
    return typeof value === "string" ? value : fromEnv(flag, env[flags[flag].env]);
  };
  const names = Object.keys(flags) as FlagName[];
  const values = Object.fromEntries(names.map((flag) => [flag, said(flag) ?? flags[flag].value])) as Values;
  const faults = faultsOf(values);
  if (faults.length > 0) return { kind: "wrong", faults };
  return { kind: "run", settings: settingsOf(values, said("http") !== undefined) };
}

/** An empty variable says nothing, but where empty means none. */
const fromEnv = (flag: FlagName, text: string | undefined): string | undefined =>
  text === "" && flag !== "http" ? undefined : text;

function parse(
  argv: readonly string[],
  names: readonly string[],
): Readonly<Record<string, unknown>> | string {
  const texts = Object.fromEntries(names.map((name) => [name, { type: "string" }] as const));
  const options = { ...texts, help: { type: "boolean", short: "h" }, version: { type: "boolean" } } as const;
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function faultsOf(values: Values): readonly string[] {
  const isPath = (text: string): boolean => text.startsWith("/");
  const faults: string[] = [];
  for (const flag of ["dmi-socket", "socket"] as const) {
    if (!isPath(values[flag])) faults.push(`--${flag} must be an absolute path`);
  }
  if (values.http !== "" && !httpAddressOf(values.http)) faults.push("--http must be host:port, or empty");
  if (!LOG_LEVELS.some((level) => level === values["log-level"]))
    faults.push(`--log-level must be one of ${LOG_LEVELS.join(", ")}`);
  return faults;
}

const settingsOf = (values: Values, isHttpSaid: boolean): Settings => ({
  dmiSocket: values["dmi-socket"],
  socket: values.socket,
  http: httpAddressOf(values.http),
  isHttpWanted: isHttpSaid && values.http !== "",
  tokenFile: values["token-file"] || undefined,
  secretsDir: values["secrets-dir"] || undefined,
  logLevel: values["log-level"] as LogLevel,
});

/** `127.0.0.1:7777`, `[::1]:7777`, `name:7777`; undefined for anything else. */
function httpAddressOf(text: string): HttpAddress | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

function helpText(name: string, flags: Readonly<Record<string, Flag>>): string {
  const lines = Object.entries(flags).map(
    ([flag, { env, value, help }]) =>
      `  --${flag} (${env})\n      ${help}${value === "" ? "" : `; default ${value}`}\n`,
  );
  return `${name}: connects devices to the edge agent of this machine.\n\nFlags, and the variables in their place:\n${lines.join("")}  --version\n  --help\n`;
}
