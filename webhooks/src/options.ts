// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from "node:util";
import type { ConfigurationRef } from "./certificate/index.ts";

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
  {
    name: "kubeconfig",
    fallback: "",
    doc: "How to reach the API server; empty: as the pod that this runs in.",
  },
  {
    name: "security",
    fallback: "compatible",
    doc: "What KubeEdge takes and is dangerous is warned of (compatible) or refused (strict).",
  },
  { name: "namespace", fallback: "kubeedge", doc: "Namespace of Service and Secret." },
  { name: "service-name", fallback: "longshore-webhooks", doc: "Service that the API server calls." },
  { name: "dns-names", fallback: "", doc: "More names and addresses of the certificate, with commas." },
  {
    name: "certificate-secret",
    fallback: "longshore-webhooks-tls",
    doc: "Secret that all replicas keep CA and serving certificate in.",
  },
  {
    name: "webhook-configurations",
    fallback: "longshore-webhooks",
    doc: "ValidatingWebhookConfigurations that get the CA as caBundle, with commas.",
  },
  {
    name: "mutating-webhook-configurations",
    fallback: "longshore-webhooks",
    doc: "MutatingWebhookConfigurations that get it too, with commas.",
  },
  { name: "ca-life", fallback: "43800h", doc: "Life of a CA; a new one comes after two thirds." },
  {
    name: "serving-life",
    fallback: "2160h",
    doc: "Life of a serving certificate; renewed after two thirds.",
  },
  { name: "check-interval", fallback: "3s", doc: "How often Secret and configurations are looked at." },
  { name: "ca-settle", fallback: "10s", doc: "How long a new CA is trusted before it is served." },
  { name: "ca-overlap", fallback: "1h", doc: "How long a replaced CA stays trusted." },
  {
    name: "tls-cert-file",
    fallback: "",
    doc: "Serving certificate of somebody else, PEM; then no Secret and no caBundle is written.",
  },
  { name: "tls-key-file", fallback: "", doc: "Its key, PEM." },
  { name: "drain", fallback: "0s", doc: "How long to serve on, unready, after SIGTERM." },
  { name: "log-level", fallback: "info", doc: "Least level that is logged: debug, info, warn, error." },
] as const satisfies readonly Flag[];

type FlagName = (typeof FLAGS)[number]["name"];

const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
const SECURITY = ["compatible", "strict"] as const;

/** A certificate of our own, in a Secret. */
export interface OwnCertificate {
  readonly secretName: string;
  readonly configurations: readonly ConfigurationRef[];
  /** Names and addresses of the certificate, the Service's included. */
  readonly hosts: readonly string[];
  readonly caLifeMs: number;
  readonly servingLifeMs: number;
  readonly intervalMs: number;
  readonly settleMs: number;
  readonly overlapMs: number;
}

export interface Options {
  readonly bindAddress: string;
  readonly port: number;
  readonly metricsPort: number;
  readonly probesPort: number;
  /** "" for the pod's own. */
  readonly kubeconfig: string;
  readonly security: (typeof SECURITY)[number];
  readonly namespace: string;
  /** Files of somebody else's certificate, or how to keep our own. */
  readonly certificate: { readonly certFile: string; readonly keyFile: string } | OwnCertificate;
  readonly drainMs: number;
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
  const flags = new FlagReader(values, faults);
  const options: Options = {
    bindAddress: flags.text("bind-address"),
    port: flags.port("port"),
    metricsPort: flags.port("metrics-port"),
    probesPort: flags.port("probes-port"),
    kubeconfig: flags.text("kubeconfig"),
    security: flags.oneOf("security", SECURITY),
    namespace: flags.name("namespace"),
    certificate: certificateOf(flags, faults),
    drainMs: flags.duration("drain", { minMs: 0, maxMs: MINUTE_MS }),
    logLevel: flags.oneOf("log-level", LOG_LEVELS),
  };
  if (faults.length > 0) throw new UsageError(faults.join("\n"));
  return { action: "run", options };
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;

function certificateOf(flags: FlagReader, faults: string[]): Options["certificate"] {
  const [certFile, keyFile] = [flags.text("tls-cert-file"), flags.text("tls-key-file")];
  if ((certFile === "") !== (keyFile === ""))
    faults.push("--tls-cert-file and --tls-key-file belong together");
  const service = `${flags.name("service-name")}.${flags.name("namespace")}.svc`;
  const own: OwnCertificate = {
    secretName: flags.name("certificate-secret"),
    configurations: [
      ...flags.list("webhook-configurations").map((name) => ({ type: "validating" as const, name })),
      ...flags.list("mutating-webhook-configurations").map((name) => ({ type: "mutating" as const, name })),
    ],
    hosts: [...new Set([service, `${service}.cluster.local`, ...flags.list("dns-names")])],
    caLifeMs: flags.duration("ca-life", { minMs: MINUTE_MS, maxMs: 20 * YEAR_MS }),
    servingLifeMs: flags.duration("serving-life", { minMs: MINUTE_MS, maxMs: 20 * YEAR_MS }),
    intervalMs: flags.duration("check-interval", { minMs: 100, maxMs: 10 * MINUTE_MS }),
    settleMs: flags.duration("ca-settle", { minMs: 0, maxMs: DAY_MS }),
    overlapMs: flags.duration("ca-overlap", { minMs: 1_000, maxMs: YEAR_MS }),
  };
  return certFile === "" ? own : { certFile, keyFile };
}

type Values = Readonly<Record<string, string | boolean | undefined>>;
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: MINUTE_MS, h: 60 * MINUTE_MS };
const MAX_NAMES = 32;
/** A name or an address: nothing that an extension of a certificate would be read differently for. */
const HOST = /^[A-Za-z0-9_.:-]{1,253}$/;

/** Reads flags as what they must be, and collects what is wrong with them. */
class FlagReader {
  readonly #values: Values;
  readonly #faults: string[];

  constructor(values: Values, faults: string[]) {
    this.#values = values;
    this.#faults = faults;
  }

  text(name: FlagName): string {
    return String(this.#values[name] ?? fallbackOf(name));
  }

  name(name: FlagName): string {
    const value = this.text(name);
    return this.#check(name, value, HOST.test(value), "a name");
  }

  list(name: FlagName): string[] {
    const values = this.text(name)
      .split(",")
      .map((value) => value.trim())
      .filter((value) => value !== "");
    const isGood = values.length <= MAX_NAMES && values.every((value) => HOST.test(value));
    return this.#check(name, values, isGood, `at most ${MAX_NAMES} names`);
  }

  port(name: FlagName): number {
    const value = this.text(name);
    const isGood = /^\d{1,5}$/.test(value) && Number(value) <= 65_535;
    return this.#check(name, Number(value), isGood, "a port from 0 to 65535");
  }

  duration(name: FlagName, { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number }): number {
    const [, count = "", unit = ""] = /^(\d{1,9})(ms|s|m|h)$/.exec(this.text(name)) ?? [];
    const ms = count === "" ? -1 : Number(count) * (UNITS_MS[unit] ?? 0);
    const range = `a time such as 30s or 12h, from ${minMs / 1_000}s to ${maxMs / 1_000}s`;
    return this.#check(name, ms, ms >= minMs && ms <= maxMs, range);
  }

  oneOf<T extends string>(name: FlagName, allowed: readonly [T, ...T[]]): T {
    const value = this.text(name);
    const found = allowed.find((each) => each === value);
    return this.#check(name, found ?? allowed[0], found !== undefined, allowed.join(", "));
  }

  #check<T>(name: FlagName, value: T, isGood: boolean, expected: string): T {
    if (!isGood) this.#faults.push(`--${name}: expected ${expected}`);
    return value;
  }
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
    ({ name, fallback, doc }) =>
      `  ${`--${name}`.padEnd(width)}  ${doc}${fallback === "" ? "" : ` [default ${fallback}]`}`,
  );
  return ["Longshore's admission webhooks.", "", ...rows, ""].join("\n");
}
