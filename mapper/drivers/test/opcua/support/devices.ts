// SPDX-License-Identifier: Apache-2.0
import type { CallContext, ConfigData, Device, Property, PropertyType } from "@longshore/mapper";

const silent = () => undefined;
const log = { error: silent, warn: silent, info: silent, debug: silent } as unknown as CallContext["log"];

export const aDevice = (config: ConfigData): Device => ({
  id: "default/plc-1",
  namespace: "default",
  name: "plc-1",
  model: "plc",
  config,
  properties: [],
  streams: [],
});

export const aNode = (name: string, type: PropertyType, config: ConfigData): Property => ({
  name,
  type,
  writable: true,
  unit: "",
  config,
});

export const calling = (signal: AbortSignal = new AbortController().signal): CallContext => ({
  signal,
  deadlineMs: Date.now() + 5_000,
  log,
});
