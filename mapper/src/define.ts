// SPDX-License-Identifier: Apache-2.0
import type {
  CallContext,
  Device,
  DeviceHandle,
  DeviceState,
  Driver,
  MethodCall,
  Property,
  StreamContext,
  StreamProperty,
  Value,
} from "./driver.ts";
import type { MapperOptions } from "./options.ts";

type Awaitable<T> = T | Promise<T>;

/** Carries out one method of a device; what it returns is the answer to who called it. */
export type Method<H> = (handle: H, call: MethodCall, context: CallContext) => Awaitable<Value | undefined>;

/**
 * A mapper, as its author writes it. `H` is whatever `open` makes of a device (a connection, a file, a number), and all
 * the others get. What each of them must do is said in DeviceHandle.
 */
export interface MapperDefinition<H> {
  /** Devices whose `spec.protocol.protocolName` is this one belong to this mapper. */
  readonly protocol: string;
  /** Default: the protocol and `-mapper`. */
  readonly name?: string;
  readonly version?: string;
  readonly options?: Partial<MapperOptions>;
  open(device: Device, context: CallContext): Awaitable<H>;
  read(handle: H, property: Property, context: CallContext): Awaitable<Value>;
  write?(handle: H, property: Property, value: Value, context: CallContext): Awaitable<void>;
  state?(handle: H, context: CallContext): Awaitable<DeviceState>;
  stream?(handle: H, property: StreamProperty, context: StreamContext): Promise<void>;
  /** By name of the method; one that is not here writes its property. */
  readonly methods?: Readonly<Record<string, Method<H>>>;
  close?(handle: H, context: CallContext): Awaitable<void>;
}

/** The driver of a definition. */
export function driverOf<H>(definition: MapperDefinition<H>): Driver {
  return {
    open: async (device, context) => handleOf(definition, await definition.open(device, context)),
  };
}

function handleOf<H>(definition: MapperDefinition<H>, open: H): DeviceHandle {
  const { write, state, stream, close, methods } = definition;
  return {
    read: (property, context) => definition.read(open, property, context),
    ...(write && { write: (property, value, context) => write(open, property, value, context) }),
    ...(state && { state: (context) => state(open, context) }),
    ...(stream && { stream: (property, context) => stream(open, property, context) }),
    ...(close && { close: (context) => close(open, context) }),
    ...(methods && { call: callOf(methods, open, write) }),
  };
}

function callOf<H>(
  methods: NonNullable<MapperDefinition<H>["methods"]>,
  open: H,
  write: MapperDefinition<H>["write"],
): NonNullable<DeviceHandle["call"]> {
  return async (call, context) => {
    const method = Object.hasOwn(methods, call.method) ? methods[call.method] : undefined;
    if (method) return method(open, call, context);
    if (!write) throw new Error(`nothing carries out the method ${call.method}`);
    await write(open, call.property, call.value, context);
    return undefined;
  };
}
