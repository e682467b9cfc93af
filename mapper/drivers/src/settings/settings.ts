// SPDX-License-Identifier: Apache-2.0
import type { ConfigData } from "@longshore/mapper";

/** `configData` makes no sense; the message names the key, and no value. */
export class SettingError extends Error {
  override readonly name = "SettingError";
  readonly code = "SETTING_INVALID";
}

export interface IntegerRange {
  readonly min: number;
  readonly max: number;
  /** Without it the key must be there. */
  readonly fallback?: number;
}

/** Reads one `configData`. Keys are found in any case; numbers and booleans may be written as strings. */
export interface Settings {
  has(key: string): boolean;
  /** Trimmed, and undefined where it is missing or empty. */
  text(key: string): string | undefined;
  number(key: string, fallback: number): number;
  integer(key: string, range: IntegerRange): number;
  flag(key: string, fallback: boolean): boolean;
  /** One of `choices`, found in any case. */
  oneOf<Choice extends string>(key: string, choices: readonly Choice[], fallback?: Choice): Choice;
}

/**
 * @param where begins every message: "device" or the property's name
 * @throws {SettingError} from each method, when the value is not what the method reads
 */
export function settingsOf(config: ConfigData, where: string): Settings {
  const wrong = (key: string, why: string): SettingError => new SettingError(`${where}: ${key} ${why}`);

  function text(key: string): string | undefined {
    const wanted = key.toLowerCase();
    const [found, another] = Object.keys(config).filter((name) => name.toLowerCase() === wanted);
    if (found === undefined) return undefined;
    if (another !== undefined) throw wrong(found, `and ${another} are the same setting: remove one`);
    return String(config[found]).trim() || undefined;
  }
  function number(key: string, fallback?: number): number {
    const given = text(key);
    if (given === undefined) {
      if (fallback === undefined) throw wrong(key, "is missing");
      return fallback;
    }
    const value = DECIMAL.test(given) ? Number(given) : Number.NaN;
    if (!Number.isFinite(value)) throw wrong(key, "is no number");
    return value;
  }
  return {
    text,
    number,
    has: (key) => text(key) !== undefined,
    integer: (key, { min, max, fallback }) => {
      const value = number(key, fallback);
      if (Number.isInteger(value) && value >= min && value <= max) return value;
      throw wrong(key, `must be a whole number from ${min} to ${max}`);
    },
    flag: (key, fallback) => {
      const given = text(key)?.toLowerCase();
      if (given === undefined) return fallback;
      if (given !== "true" && given !== "false") throw wrong(key, "must be true or false");
      return given === "true";
    },
    oneOf: <Choice extends string>(key: string, choices: readonly Choice[], fallback?: Choice) => {
      const given = text(key)?.toLowerCase();
      const found = given === undefined ? fallback : choices.find((choice) => choice.toLowerCase() === given);
      if (found === undefined) throw wrong(key, `must be one of ${choices.join(", ")}`);
      return found;
    },
  };
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
