// SPDX-License-Identifier: Apache-2.0
import type {
  CallContext,
  ConfigData,
  Device,
  Property,
  StreamContext,
  StreamProperty,
} from "@longshore/mapper";

const silent = () => undefined;
export const log = {
  error: silent,
  warn: silent,
  info: silent,
  debug: silent,
} as unknown as CallContext["log"];

export const aDevice = (config: ConfigData): Device => ({
  id: "default/cam-1",
  namespace: "default",
  name: "cam-1",
  model: "camera",
  config,
  properties: [],
  streams: [],
});

export const aProperty = (name: string, config: ConfigData = {}): Property => ({
  name,
  type: "STRING",
  writable: false,
  unit: "",
  config,
});

export const aStream = (name: string, config: ConfigData): StreamProperty => ({ name, config });

export const calling = (signal: AbortSignal = new AbortController().signal): CallContext => ({
  signal,
  deadlineMs: Date.now() + 5_000,
  log,
});

export const streaming = (signal: AbortSignal = new AbortController().signal): StreamContext => ({
  signal,
  log,
});
