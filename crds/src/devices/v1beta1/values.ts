// SPDX-License-Identifier: Apache-2.0
import type { DeviceModelProperty } from "./types.gen.ts";

type Facts = Pick<DeviceModelProperty, "type" | "minimum" | "maximum">;

/** Longer than any number that 64 bits can hold as a float; bounds the work on a text. */
const MAX_NUMBER_CHARS = 400;
const INTEGER = /^[+-]?(?:0|[1-9]\d*)$/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** What Go's ParseBool takes, which mappers parse with. */
const BOOLEANS = new Set(["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"]);
const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/**
 * Whether a value is one of a property: of its type, and within its bounds. Bounds that are no numbers bind nothing.
 *
 * @returns what is wrong, to follow the value in a sentence; undefined when it fits
 */
export function judgeValue(value: string, facts: Facts): string | undefined {
  switch (facts.type) {
    case "INT":
      return judgeInteger(value, facts);
    case "FLOAT":
    case "DOUBLE":
      return judgeDecimal(value, facts);
    case "BOOLEAN":
      return BOOLEANS.has(value) ? undefined : "is no BOOLEAN: true or false";
    default:
      return undefined; // STRING, BYTES and STREAM take any text
  }
}

function judgeInteger(value: string, facts: Facts): string | undefined {
  const number = integerOf(value);
  if (number === undefined) return "is no INT: digits without leading zeros, of at most 64 bits";
  return judgeBounds(facts, (bound) => compareInteger(number, bound));
}

function integerOf(text: string): bigint | undefined {
  if (text.length > MAX_NUMBER_CHARS || !INTEGER.test(text)) return undefined;
  const number = BigInt(text.replace("+", ""));
  return number < INT64.min || number > INT64.max ? undefined : number;
}

/** Bounds of an INT may be written as decimals. */
function compareInteger(number: bigint, bound: string): number | undefined {
  const exact = integerOf(bound) ?? decimalOf(bound);
  if (exact === undefined) return undefined;
  return number < exact ? -1 : number > exact ? 1 : 0;
}

function judgeDecimal(value: string, facts: Facts): string | undefined {
  const number = decimalOf(value);
  if (number === undefined) return `is no ${facts.type ?? "number"}: a finite decimal number`;
  return judgeBounds(facts, (bound) => {
    const other = decimalOf(bound);
    return other === undefined ? undefined : number - other;
  });
}

function decimalOf(text: string): number | undefined {
  if (text.length > MAX_NUMBER_CHARS || !DECIMAL.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}

/** @param compare sign of value minus bound; undefined when the bound is no number */
function judgeBounds(
  { minimum = "", maximum = "" }: Facts,
  compare: (bound: string) => number | undefined,
): string | undefined {
  if ((compare(minimum) ?? 0) < 0) return `is under the minimum ${minimum}`;
  if ((compare(maximum) ?? 0) > 0) return `is over the maximum ${maximum}`;
  return undefined;
}
