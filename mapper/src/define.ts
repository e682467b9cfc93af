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
import { createMapper, type Mapper, type MapperConfig } from "./mapper.ts";
import type { MapperOptions } from "./options.ts";
import { runProgram, type Env } from "./program/run.ts";
import { serveRest } from "./rest/index.ts";

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
  /** Default: v0.0.0. */
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

/** What a definition does not say of its mapper. */
export type CreateConfig = Omit<MapperConfig, "name" | "version" | "protocol" | "driver">;

/** A mapper that is defined, and not yet there. */
export interface DefinedMapper<H> {
  readonly definition: MapperDefinition<H>;
  /** As a test calls it. */
  readonly driver: Driver;
  /** One of it, for programs that start and stop it themselves. @throws {MapperError} OPTION_INVALID */
  create(config: CreateConfig): Mapper;
  /**
   * The whole program, which ends the process: flags and environment (`--help` tells them), a log of JSON lines on
   * stdout, a graceful stop on SIGTERM and SIGINT. Exit codes: 0 stopped, 1 failed, or signalled twice, 2 wrong usage.
   *
   * @param argv default: the process's arguments
   * @param env default: the process's environment
   */
  run(argv?: readonly string[], env?: Env): Promise<void>;
}

/** Makes a program of a definition: `await defineMapper({ protocol, open, read }).run();` */
export function defineMapper<H>(definition: MapperDefinition<H>): DefinedMapper<H> {
  const { protocol, name = `${protocol}-mapper`, version = "v0.0.0" } = definition;
  const driver = driverOf(definition);
  const create = (config: CreateConfig): Mapper => {
    const options = { ...definition.options, ...config.options };
    return createMapper({ ...config, name, version, protocol, driver, options });
  };
  return {
    definition,
    driver,
    create,
    run: (argv = process.argv.slice(2), env = process.env) =>
      runProgram(
        {
          name,
          version,
          create: ({ socket, dmiSocket, secretsDir, tokenFile }, environment, log) =>
            create({
              ...{ address: socket, dmiSocket, log, env: environment },
              ...(secretsDir !== undefined && { secretsDir }),
              ...(tokenFile !== undefined && { tokenFile }),
            }),
          serve: (mapper, address, log) => {
            const sources = { api: mapper.api, metrics: () => mapper.metrics(), nowMs: Date.now };
            return serveRest(address, sources, log);
          },
        },
        argv,
        env,
      ),
  };
}

/** The driver of a definition. */
export function driverOf<H>(definition: MapperDefinition<H>): Driver {
  return {
    open: async (device, context) => handleOf(definition, await definition.open(device, context)),
  };
}

function handleOf<H>(definition: MapperDefinition<H>, open: H): DeviceHandle {
  const { methods } = definition;
  // A definition may be an object of a class: its parts are called as its own.
  const write = definition.write?.bind(definition);
  const state = definition.state?.bind(definition);
  const stream = definition.stream?.bind(definition);
  const close = definition.close?.bind(definition);
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
