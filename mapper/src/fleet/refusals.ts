// SPDX-License-Identifier: Apache-2.0
import type { Counters } from "../counters.ts";
import type { Refusal } from "../device/properties.ts";
import type { MapperLog } from "../log.ts";

/** Tells what of a device is left out: once, however often the device comes again. */
export interface Refusals {
  of(device: string, refused: readonly Refusal[]): void;
  forget(device: string): void;
}

export function createRefusals(counters: Counters, log: MapperLog): Refusals {
  const told = new Map<string, ReadonlySet<string>>();
  return {
    of: (device, refused) => {
      const before = told.get(device);
      const fresh = refused.filter((refusal) => before?.has(JSON.stringify(refusal)) !== true);
      for (const refusal of fresh) {
        counters.add("refusedInput");
        log.warn({ device, ...refusal }, "a part of the device is left out");
      }
      told.set(device, new Set(refused.map((refusal) => JSON.stringify(refusal))));
    },
    forget: (device) => void told.delete(device),
  };
}
