// SPDX-License-Identifier: Apache-2.0
// visitors.configData: how a property behaves that no hardware has.
import type { Property, PropertyType, Value } from "@longshore/mapper";
import { SettingError, settingsOf, type Settings } from "../settings/index.ts";
import { createRandom } from "./random.ts";

export const BEHAVIORS = ["constant", "counter", "sine", "walk", "echo"] as const;
type BehaviorName = (typeof BEHAVIORS)[number];

/** What a property gives and takes. */
export interface Behavior {
  /** @param nowMs milliseconds since the device was opened */
  value(nowMs: number): Value;
  /** undefined: it cannot be set */
  readonly set?: (value: Value) => void;
}

/** @throws {SettingError} naming the property and the setting */
export function behaviorOf({ name, type, writable, config }: Property): Behavior {
  const settings = settingsOf(config, name);
  const chosen = settings.oneOf("Behavior", BEHAVIORS, writable ? "echo" : "constant");
  if (type !== "INT" && type !== "FLOAT" && type !== "DOUBLE" && !NON_NUMERIC.includes(chosen)) {
    throw new SettingError(`${name}: ${chosen} is for numbers, and the property's type is ${type}`);
  }
  return MAKERS[chosen](settings, type);
}

const NON_NUMERIC: readonly BehaviorName[] = ["constant", "echo"];

const MAKERS: Readonly<Record<BehaviorName, (settings: Settings, type: PropertyType) => Behavior>> = {
  constant: (settings, type) => {
    const value = valueOf(settings, type);
    return { value: () => value };
  },
  echo: (settings, type) => {
    let value = valueOf(settings, type);
    return {
      value: () => value,
      set: (wanted) => {
        value = wanted;
      },
    };
  },
  counter: (settings) => {
    const { start, step, max } = {
      start: settings.number("Start", 0),
      step: settings.number("Step", 1),
      max: settings.number("Max", Number.MAX_SAFE_INTEGER),
    };
    let next = start;
    return {
      value: () => {
        const value = next;
        next = value + step > max ? start : value + step;
        return value;
      },
      set: (wanted) => {
        next = Number(wanted);
      },
    };
  },
  sine: (settings, type) => {
    const { min, max } = boundsOf(settings);
    const periodMs = settings.integer("PeriodMs", { min: 1, max: DAY_MS, fallback: 60_000 });
    return {
      value: (nowMs) => fit((max + min + (max - min) * Math.sin((2 * Math.PI * nowMs) / periodMs)) / 2, type),
    };
  },
  walk: (settings, type) => {
    const { min, max } = boundsOf(settings);
    const step = settings.number("Step", (max - min) / 100);
    const random = createRandom(settings.integer("Seed", { min: 0, max: 0xffff_ffff, fallback: 1 }));
    let at = settings.number("Start", (min + max) / 2);
    return {
      value: () => {
        at = Math.min(max, Math.max(min, at + (2 * random() - 1) * step));
        return fit(at, type);
      },
    };
  },
};

const DAY_MS = 86_400_000;

function boundsOf(settings: Settings): { min: number; max: number } {
  const [low, high] = [settings.number("Min", 0), settings.number("Max", 100)];
  return { min: Math.min(low, high), max: Math.max(low, high) };
}

const fit = (value: number, type: PropertyType): number =>
  type === "INT" ? Math.round(value) : Number(value.toPrecision(6));

/** The setting `Value`, as the type has it; without it, its zero. */
function valueOf(settings: Settings, type: PropertyType): Value {
  switch (type) {
    case "BOOLEAN":
      return settings.flag("Value", false);
    case "STRING":
      return settings.text("Value") ?? "";
    case "BYTES":
      return Uint8Array.from(Buffer.from(settings.text("Value") ?? "", "base64"));
    case "INT":
      return Math.round(settings.number("Value", 0));
    default:
      return settings.number("Value", 0);
  }
}
