// SPDX-License-Identifier: Apache-2.0

/** One setting: how it is read from text or YAML, what it is when nobody says, what it means. */
export interface Field<T> {
  readonly kind: "field";
  readonly type: string;
  readonly default: T;
  readonly doc: string;
  /** May the flag stand without a value? */
  readonly isBoolean: boolean;
  /** @throws Error whose message says what was expected */
  parse(value: unknown): T;
  /** For the effective configuration that is printed: no password in it. */
  show(value: T): string;
}

const make = <T>(field: Omit<Field<T>, "kind" | "isBoolean" | "show"> & Partial<Field<T>>): Field<T> => ({
  kind: "field",
  isBoolean: false,
  show: (value) => (Array.isArray(value) ? value.join(",") : String(value)),
  ...field,
});

const asText = (value: unknown): string => {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new Error("expected text");
};

export const text = (fallback: string, doc: string): Field<string> =>
  make({ type: "text", default: fallback, doc, parse: asText });

export interface Range {
  readonly min: number;
  readonly max: number;
}

export const integer = (fallback: number, range: Range, doc: string): Field<number> =>
  make({
    type: `integer ${range.min}–${range.max}`,
    default: fallback,
    doc,
    parse(value) {
      const number = typeof value === "number" ? value : /^-?\d+$/.test(asText(value)) ? Number(value) : NaN;
      if (!Number.isSafeInteger(number) || number < range.min || number > range.max) {
        throw new Error(`expected an integer from ${range.min} to ${range.max}`);
      }
      return number;
    },
  });

export const port = (fallback: number, doc: string): Field<number> =>
  integer(fallback, { min: 0, max: 65_535 }, doc);

export const flag = (fallback: boolean, doc: string): Field<boolean> =>
  make({
    type: "true or false",
    default: fallback,
    doc,
    isBoolean: true,
    parse(value) {
      if (value === true || value === "true") return true;
      if (value === false || value === "false") return false;
      throw new Error("expected true or false");
    },
  });

export const oneOf = <const T extends string>(values: readonly T[], fallback: T, doc: string): Field<T> =>
  make({
    type: values.join(" or "),
    default: fallback,
    doc,
    parse(value) {
      const found = values.find((candidate) => candidate === value);
      if (found === undefined) throw new Error(`expected ${values.join(" or ")}`);
      return found;
    },
  });

/** A YAML list, or text with commas. */
export const list = (fallback: readonly string[], doc: string): Field<readonly string[]> =>
  make({
    type: "list",
    default: fallback,
    doc,
    parse(value) {
      const items = Array.isArray(value) ? value.map(asText) : asText(value).split(",");
      return items.map((item) => item.trim()).filter((item) => item !== "");
    },
  });

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `30s`, `5m`, `6h`; milliseconds in code. The key ends in Ms in code, and not in files. */
export const duration = (fallback: string, range: { min: string; max: string }, doc: string): Field<number> =>
  make({
    type: `duration ${range.min}–${range.max}`,
    default: durationMs(fallback),
    doc,
    parse(value) {
      const ms = durationMs(asText(value));
      if (Number.isNaN(ms) || ms < durationMs(range.min) || ms > durationMs(range.max)) {
        throw new Error(`expected a duration such as 30s, from ${range.min} to ${range.max}`);
      }
      return ms;
    },
    show: durationText,
  });

function durationMs(given: string): number {
  const [, number, unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(given) ?? [];
  return number === undefined ? NaN : Math.round(Number(number) * (UNITS_MS[unit] ?? NaN));
}

function durationText(ms: number): string {
  const unit = ["h", "m", "s"].find(
    (candidate) => ms >= (UNITS_MS[candidate] ?? 1) && ms % (UNITS_MS[candidate] ?? 1) === 0,
  );
  return unit === undefined ? `${ms}ms` : `${ms / (UNITS_MS[unit] ?? 1)}${unit}`;
}

/** `redis://`, `rediss://` or `unix://`. Its password is never shown. */
export const redisUrl = (fallback: string, doc: string): Field<string> =>
  make({
    type: "URL",
    default: fallback,
    doc,
    parse(value) {
      const url = asText(value);
      if (!/^(rediss?:\/\/[^/]+|unix:\/\/\/.+)/.test(url) || !URL.canParse(url)) {
        throw new Error("expected redis://host:port, rediss://host:port or unix:///path");
      }
      return url;
    },
    show: (url) => url.replace(/\/\/[^@/]*@/, "//***@"),
  });

/** Empty, or `http://` or `https://` without user, query and fragment: credentials are files of their own. */
export const httpUrl = (doc: string): Field<string> =>
  make({
    type: "URL",
    default: "",
    doc,
    parse(value) {
      const url = asText(value);
      if (url !== "" && (!/^https?:\/\/[^/]/.test(url) || !isBare(url))) {
        throw new Error("expected http://host:port or https://host:port, with a path if need be");
      }
      return url;
    },
  });

function isBare(url: string): boolean {
  const parts = URL.parse(url);
  return parts !== null && `${parts.username}${parts.password}${parts.search}${parts.hash}` === "";
}
