// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from "node:util";

interface Flag {
  readonly name: string;
  readonly fallback: string;
  readonly doc: string;
}

const FLAGS = [
  {
    name: "bind-address",
    fallback: "0.0.0.0",
    doc: "Address that reviews, metrics and probes are served on.",
  },
  { name: "port", fallback: "8443", doc: "Port of the reviews (HTTPS)." },
  { name: "metrics-port", fallback: "9093", doc: "Port of /metrics." },
  { name: "probes-port", fallback: "9440", doc: "Port of /healthz and /readyz." },
  { name: "tls-cert-file", fallback: "/etc/longshore/webhook/tls.crt", doc: "Serving certificate, PEM." },
  { name: "tls-key-file", fallback: "/etc/longshore/webhook/tls.key", doc: "Its key, PEM." },
  { name: "log-level", fallback: "info", doc: "Least level that is logged: debug, info, warn, error." },
] as const satisfies readonly Flag[];

type FlagName = (typeof FLAGS)[number]["name"];

const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

export interface Options {
  readonly bindAddress: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly probesPort: number;
  readonly certFile: string;
  readonly keyFile: string;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/** The command line is wrong; all faults, one a line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly code = "USAGE";
  readonly exitCode = 64;
}

export type CommandLine = { readonly action: "help" } | { readonly action: "run"; readonly options: Options };

/** @throws {UsageError} for what is unknown or out of range */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const values = parse(args);
  if (values["help"] === true) return { action: "help" };
  const faults: string[] = [];
  const textOf = (name: FlagName): string => String(values[name] ?? fallbackOf(name));
  const portOf = (name: FlagName): number => {
    const value = textOf(name);
    if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535)
      faults.push(`--${name}: expected a port from 0 to 65535`);
    return Number(value);
  };
  const logLevel = LOG_LEVELS.find((level) => level === textOf("log-level"));
  if (logLevel === undefined) faults.push(`--log-level: expected ${LOG_LEVELS.join(", ")}`);
  const options = {
    bindAddress: textOf("bind-address"),
    port: portOf("port"),
    metricsPort: portOf("metrics-port"),
    probesPort: portOf("probes-port"),
    certFile: textOf("tls-cert-file"),
    keyFile: textOf("tls-key-file"),
    logLevel: logLevel ?? "info",
  };
  if (faults.length > 0) throw new UsageError(faults.join("\n"));
  return { action: "run", options };
}

function parse(args: readonly string[]): Record<string, string | boolean | undefined> {
  const texts = Object.fromEntries(FLAGS.map(({ name }) => [name, { type: "string" } as const]));
  try {
    return parseArgs({
      args: [...args],
      options: { ...texts, help: { type: "boolean", short: "h" } },
      allowPositionals: false,
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

const fallbackOf = (name: FlagName): string => FLAGS.find((flag) => flag.name === name)?.fallback ?? "";

/** What `--help` prints. */
export function helpText(): string {
  const width = Math.max(...FLAGS.map(({ name }) => name.length)) + 2;
  const rows = FLAGS.map(
    ({ name, fallback, doc }) => `  ${`--${name}`.padEnd(width)}  ${doc} [default ${fallback}]`,
  );
  return ["Longshore's admission webhooks.", "", ...rows, ""].join("\n");
}
