// SPDX-License-Identifier: Apache-2.0
import type { MapperLog } from "./log.ts";

/** Types of a DeviceModel's property. STREAM does not pass through a twin and is not collected. */
export type PropertyType = "INT" | "FLOAT" | "DOUBLE" | "STRING" | "BOOLEAN" | "BYTES";

/** A value between driver and SDK: INT is a number, or a bigint where a number is not exact; BYTES are bytes. */
export type Value = number | bigint | string | boolean | Uint8Array;

/** `configData` as the user wrote it, the model's and the device's already merged. Numbers have 32-bit precision. */
export type ConfigData = Readonly<Record<string, string | number | boolean>>;

/** States that the cloud knows. */
export const DEVICE_STATES = ["online", "offline", "ok", "unknown", "unhealthy"] as const;
export type DeviceState = (typeof DEVICE_STATES)[number];

/** One property of a device, as its driver needs it. */
export interface Property {
  readonly name: string;
  readonly type: PropertyType;
  readonly writable: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly unit: string;
  /** `visitors.configData`: where on the device the property is */
  readonly config: ConfigData;
}

/** One device, as its driver needs it. */
export interface Device {
  /** `namespace/name` */
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly model: string;
  /** `protocol.configData`: how the device is reached */
  readonly config: ConfigData;
  readonly properties: readonly Property[];
  readonly streams: readonly StreamProperty[];
}

/** A property of type STREAM: pictures or video that its driver writes where its configuration says. */
export interface StreamProperty {
  readonly name: string;
  /** `visitors.configData` */
  readonly config: ConfigData;
}

/** What a stream gets: no deadline, for it runs as long as it needs. */
export interface StreamContext {
  /** Aborts when the property changes, the device is closed or the mapper stops: end soon. */
  readonly signal: AbortSignal;
  readonly log: MapperLog;
}

/** One call of a device method, checked: the property is one of the method's, the value of its type and in range. */
export interface MethodCall {
  readonly method: string;
  readonly property: Property;
  readonly value: Value;
}

/** What every call of a driver gets. */
export interface CallContext {
  /** Aborts when the deadline passes or the device is removed: hand it on, and end. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly log: MapperLog;
}

/**
 * An open device. The SDK makes one call at a time; after `offlineAfterFailures` failed calls in a row, or one that
 * goes on after its abort, it closes the handle and opens a new one.
 */
export interface DeviceHandle {
  /** The property's value now. Throw when it cannot be read. */
  read(property: Property, context: CallContext): Value | Promise<Value>;
  /** Carries out a desired value, checked already. Throw when it failed: it is tried again. */
  write?(property: Property, value: Value, context: CallContext): void | Promise<void>;
  /** Carries out a device method and may return what came of it; without this, a method writes its property. */
  call?(call: MethodCall, context: CallContext): Value | undefined | Promise<Value | undefined>;
  /**
   * Runs beside all other calls. Resolving means that it is done until its property changes; throwing, that it is to
   * be started again after a pause.
   */
  stream?(property: StreamProperty, context: StreamContext): Promise<void>;
  /** The device's own opinion of itself; without it, it is online while reads succeed. */
  state?(context: CallContext): DeviceState | Promise<DeviceState>;
  close?(context: CallContext): void | Promise<void>;
}

/** What a device developer writes. */
export interface Driver {
  open(device: Device, context: CallContext): DeviceHandle | Promise<DeviceHandle>;
}
