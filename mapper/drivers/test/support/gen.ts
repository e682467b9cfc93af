// SPDX-License-Identifier: Apache-2.0
import type { CallContext, ConfigData, Device, MapperLog, Property } from "@longshore/mapper";

/** A property as its driver gets it. */
export const aProperty = (config: ConfigData, change: Partial<Property> = {}): Property => ({
  name: "temperature",
  type: "INT",
  writable: true,
  unit: "",
  config,
  ...change,
});

/** A device as its driver gets it. */
export const aDevice = (config: ConfigData, change: Partial<Device> = {}): Device => ({
  id: "default/boiler",
  namespace: "default",
  name: "boiler",
  model: "boiler",
  config,
  properties: [],
  streams: [],
  ...change,
});

/** A log that remembers its lines. */
export function aLog(): MapperLog & { readonly lines: { message: string; fields: object }[] } {
  const lines: { message: string; fields: object }[] = [];
  const add = (fields: object, message = ""): void => void lines.push({ message, fields });
  return { lines, error: add, warn: add, info: add, debug: add };
}

/** The context of one call, which a test may abort. */
export const aCall = (signal = new AbortController().signal): CallContext => ({
  signal,
  deadlineMs: 0,
  log: aLog(),
});
