// SPDX-License-Identifier: Apache-2.0

/** A value of the file: what YAML made of it and how it was written. */
export interface Written {
  readonly value: unknown;
  /** The text of a scalar that stands without quotes, else undefined. */
  readonly plain: string | undefined;
}

type Checked<T> = { readonly ok: T } | { readonly fault: string };

/** One setting: its meaning, what holds when it is absent, and what it takes. */
export interface Field<T> {
  readonly kind: "field";
  readonly doc: string;
  readonly fallback: T;
  readonly check: (written: Written) => Checked<T>;
}

/** A mapping of settings. */
export interface Section<S extends Shape = Shape> {
  readonly kind: "section";
  readonly fields: S;
  /** Keys that KubeEdge knows and this agent does not use: accepted, and named in one log line. */
  readonly ignored: readonly string[];
}

/** Members of a section, by key. */
export interface Shape {
  readonly [key: string]: Field<unknown> | Section;
}

/** The type of what a schema accepts, every default filled in. */
export type Settings<F> =
  F extends Field<infer T>
    ? T
    : F extends Section<infer S>
      ? { readonly [K in keyof S]: Settings<S[K]> }
      : never;

const fault = (text: string): { fault: string } => ({ fault: text });

/** A mapping with these members; `ignored` names keys of KubeEdge that are accepted and not used. */
export function section<S extends Shape>(fields: S, ignored: readonly string[] = []): Section<S> {
  return { kind: "section", fields, ignored };
}

function field<T>(doc: string, fallback: T, check: Field<T>["check"]): Field<T> {
  return { kind: "field", doc, fallback, check };
}

/** Words that other YAML parsers read as booleans: written as text they need quotes. */
const AMBIGUOUS = /^(y|n|yes|no|on|off)$/i;
const MAX_TEXT = 4096;

function asText({ value, plain }: Written): string | undefined {
  if (typeof value !== "string" || value.length > MAX_TEXT || value.includes("\0")) return undefined;
  return plain !== undefined && AMBIGUOUS.test(plain) ? undefined : value;
}

/** @param pattern what is accepted; @param wanted its description for people */
export function text(
  doc: string,
  fallback: string,
  pattern = /^.*$/s,
  wanted = "a text (quote it)",
): Field<string> {
  return field(doc, fallback, (written) => {
    const value = asText(written);
    return value !== undefined && pattern.test(value) ? { ok: value } : fault(`must be ${wanted}`);
  });
}

/** An absolute path. */
export function path(doc: string, fallback: string): Field<string> {
  return text(doc, fallback, /^(\/[^\0]*)?$/, "an absolute path");
}

/** One of a few words. */
export function oneOf<const T extends string>(doc: string, fallback: T, values: readonly T[]): Field<T> {
  return field(doc, fallback, ({ value }) => {
    const match = values.find((candidate) => candidate === value);
    return match === undefined ? fault(`must be one of ${values.join(", ")}`) : { ok: match };
  });
}

/** True or false. */
export function flag(doc: string, fallback: boolean): Field<boolean> {
  return field(doc, fallback, ({ value }) =>
    typeof value === "boolean" ? { ok: value } : fault("must be true or false"),
  );
}

/** A whole number within bounds. */
export function integer(doc: string, fallback: number, min: number, max: number): Field<number> {
  const wanted = `must be a whole number from ${min} to ${max}`;
  return field(doc, fallback, ({ value, plain }) => {
    const isPlain = plain !== undefined && /^-?\d{1,15}$/.test(plain);
    return isPlain && typeof value === "number" && value >= min && value <= max
      ? { ok: value }
      : fault(wanted);
  });
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Reads Go's duration text (`1m30s`, `500ms`); undefined when it is none. */
export function durationMs(value: string): number | undefined {
  if (!/^(\d{1,9}(\.\d{1,3})?(ms|s|m|h))+$/.test(value)) return value === "0" ? 0 : undefined;
  let totalMs = 0;
  for (const [, amount, unit] of value.matchAll(/([\d.]+)(ms|s|m|h)/g))
    totalMs += Number(amount) * (UNIT_MS[unit ?? ""] ?? 0);
  return totalMs;
}

/** In milliseconds once read. */
export function duration(doc: string, fallbackMs: number, minMs: number, maxMs: number): Field<number> {
  const wanted = `must be a duration like "10s", from ${minMs} ms to ${maxMs} ms`;
  return field(doc, fallbackMs, ({ value }) => {
    const ms = typeof value === "string" ? durationMs(value) : value === 0 ? 0 : undefined;
    return ms !== undefined && ms >= minMs && ms <= maxMs ? { ok: ms } : fault(wanted);
  });
}

/** `host:port`; a name, an IPv4 address, or an IPv6 address in brackets. */
export function isHostPort(value: string): boolean {
  const match =
    /^(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?):([1-9]\d{0,4})$/.exec(value);
  return match !== null && Number(match[3]) <= 65_535;
}

/** `host:port`. */
export function hostPort(doc: string, fallback: string): Field<string> {
  return field(doc, fallback, (written) => {
    const value = asText(written);
    const isValid = value !== undefined && (isHostPort(value) || value === fallback);
    return isValid ? { ok: value } : fault("must be host:port, with a port from 1 to 65535");
  });
}

/** `https://host:port` and nothing behind it. */
export function httpsUrl(doc: string, fallback: string): Field<string> {
  return field(doc, fallback, (written) => {
    const value = asText(written);
    const rest = value?.startsWith("https://") === true ? value.slice(8).replace(/\/$/, "") : undefined;
    const isValid = rest !== undefined && isHostPort(rest);
    return isValid ? { ok: `https://${rest}` } : fault("must be https://host:port");
  });
}

/** A list of texts that match a pattern. */
export function textList(doc: string, pattern: RegExp, wanted: string): Field<readonly string[]> {
  return field<readonly string[]>(doc, [], ({ value }) => {
    const items: unknown[] | undefined = value === null ? [] : Array.isArray(value) ? value : undefined;
    const valid = items?.every((item): item is string => typeof item === "string" && pattern.test(item));
    return items !== undefined && valid ? { ok: items } : fault(`must be a list of ${wanted}`);
  });
}

const LABEL_KEY = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Labels of a Node. */
export function labels(doc: string): Field<Readonly<Record<string, string>>> {
  return field<Readonly<Record<string, string>>>(doc, {}, ({ value }) => {
    if (value === null) return { ok: {} };
    if (!isRecord(value)) return fault("must be a mapping of labels");
    const wrong = Object.entries(value).find(
      ([k, v]) => !LABEL_KEY.test(k) || typeof v !== "string" || !LABEL_VALUE.test(v),
    );
    return wrong
      ? fault(`${wrong[0].slice(0, 64)} is not a valid label with a text value`)
      : { ok: value as Record<string, string> };
  });
}

/** A taint that the Node registers with. */
export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
}

const EFFECTS: readonly unknown[] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

function isTaint(value: unknown): value is Taint {
  if (!isRecord(value) || typeof value["key"] !== "string" || !LABEL_KEY.test(value["key"])) return false;
  const text = value["value"] ?? "";
  return typeof text === "string" && LABEL_VALUE.test(text) && EFFECTS.includes(value["effect"]);
}

/** Taints of a Node. */
export function taints(doc: string): Field<readonly Taint[]> {
  return field<readonly Taint[]>(doc, [], ({ value }) => {
    const items: unknown[] | undefined = value === null ? [] : Array.isArray(value) ? value : undefined;
    return items?.every(isTaint)
      ? { ok: items }
      : fault("must be a list of taints with key, value and effect");
  });
}
