// SPDX-License-Identifier: Apache-2.0
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Device, DeviceModel } from "@longshore/crds/devices";
import * as dmi from "@longshore/crds/dmi";
import type { Frame } from "@longshore/crds/wire";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import type { Clock } from "../../src/clock.ts";
import { createDeviceRoom, type DeviceOptions, type DeviceRoom } from "../../src/devices/index.ts";
import { createMapperClient, mapperAddress, openDmiServer } from "../../src/dmi/index.ts";
import type { OpenDmiServer } from "../../src/dmi/port.ts";
import type { DesiredEvent, DesiredStore, RecordStore, StoredObject } from "../../src/store/port.ts";
import { TunnelError, type Uplink, type UplinkRequest } from "../../src/tunnel/port.ts";
import { systemClock } from "../../src/clock.ts";
import { fakeLog } from "../tunnel/fakes.ts";

/** The desired store's port in memory. */
export class MemoryStore implements DesiredStore {
  readonly #objects = new Map<string, StoredObject>();
  readonly #listeners = new Map<string, Set<(event: DesiredEvent) => void>>();
  #version = 0;

  put(value: Device | DeviceModel): void {
    const kind = value.kind.toLowerCase();
    const { name, namespace = "default", uid } = value.metadata;
    const key = `${kind}/${namespace}/${name}`;
    const resourceVersion = String(++this.#version);
    const rest = { uid, resourceVersion, digest: resourceVersion, clusterEpoch: 1 };
    const object = { key, kind, namespace, name, value: structuredClone(value), ...rest };
    this.#objects.set(key, object);
    this.#tell(kind, { type: "put", object });
  }
  remove(key: string): void {
    const object = this.#objects.get(key);
    if (object === undefined) return;
    this.#objects.delete(key);
    this.#tell(object.kind, { type: "delete", object });
  }
  apply(): Promise<"applied"> {
    throw new Error("only the tunnel applies");
  }
  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }
  list(kind: string): readonly StoredObject[] {
    return [...this.#objects.values()].filter((object) => object.kind === kind);
  }
  inventory(): readonly [] {
    return [];
  }
  subscribe(kind: string, listener: (event: DesiredEvent) => void): () => void {
    const set = this.#listeners.get(kind) ?? new Set();
    this.#listeners.set(kind, set.add(listener));
    return () => void set.delete(listener);
  }
  #tell(kind: string, event: DesiredEvent): void {
    for (const listener of this.#listeners.get(kind) ?? []) listener(event);
  }
}

/** The record store's port in memory; values are copied as JSON, as on disk. `onWrite` may throw. */
export class MemoryRecords implements RecordStore {
  readonly #buckets = new Map<string, Map<string, unknown>>();
  writes = 0;
  onWrite: (bucket: string, key: string) => void = () => undefined;

  get(bucket: string, key: string): unknown {
    return this.#buckets.get(bucket)?.get(key);
  }
  list(bucket: string): readonly (readonly [string, unknown])[] {
    return [...(this.#buckets.get(bucket) ?? [])];
  }
  async put(bucket: string, key: string, value: unknown): Promise<void> {
    await this.#write(bucket, key);
    const map = this.#buckets.get(bucket) ?? new Map<string, unknown>();
    this.#buckets.set(bucket, map.set(key, JSON.parse(JSON.stringify(value))));
  }
  async delete(bucket: string, key: string): Promise<void> {
    await this.#write(bucket, key);
    this.#buckets.get(bucket)?.delete(key);
  }
  async #write(bucket: string, key: string): Promise<void> {
    await Promise.resolve();
    this.onWrite(bucket, key);
    this.writes++;
  }
}

/** A cloud that answers "OK", or as a test says. */
export class FakeCloud implements Uplink {
  readonly requests: UplinkRequest[] = [];
  readonly #listeners = new Set<(connected: boolean) => void>();
  connected: boolean;
  /** Undefined: never answers. */
  answer: (request: UplinkRequest) => { operation?: string; content: unknown } | undefined = () => ({
    content: "OK",
  });
  /** How long the cloud takes. */
  delay: () => Promise<void> = () => Promise.resolve();
  inFlight = 0;
  maxInFlight = 0;

  constructor(connected = true) {
    this.connected = connected;
  }
  isConnected(): boolean {
    return this.connected;
  }
  connect(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.#listeners) listener(connected);
  }
  onState(listener: (connected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  send(request: UplinkRequest): void {
    this.requests.push(request);
  }
  async request(request: UplinkRequest): Promise<Frame> {
    if (!this.connected) throw new TunnelError("OFFLINE", "not connected");
    this.requests.push(request);
    this.maxInFlight = Math.max(this.maxInFlight, ++this.inFlight);
    await this.delay();
    this.inFlight--;
    const answer = this.answer(request);
    if (answer === undefined) throw new TunnelError("TIMEOUT", "no reply in time");
    const { operation = "response", content } = answer;
    return { header: { msg_id: "1", timestamp: 0 }, route: { operation }, content };
  }
}

const decodedValue = (_key: string, value: unknown): unknown => {
  if (typeof value === "bigint") return Number(value);
  const any = value as { typeUrl?: string; value?: Uint8Array } | null;
  return typeof any?.typeUrl === "string" ? dmi.fromAny(value as dmi.Any) : value;
};

/** A message as plain JSON: Any as its value, int64 as a number. */
export const plain = (message: unknown): unknown => {
  const walk = (key: string, value: unknown): unknown => {
    const seen = decodedValue(key, value);
    if (seen === null || typeof seen !== "object" || seen instanceof Uint8Array) return seen;
    if (Array.isArray(seen)) return seen.map((item, i) => walk(String(i), item));
    return Object.fromEntries(Object.entries(seen).map(([k, v]) => [k, walk(k, v)]));
  };
  return walk("", message);
};

/** One call that a mapper received. */
export interface Received {
  readonly method: string;
  readonly name: string;
  readonly request: unknown;
}

/**
 * A mapper as KubeEdge's framework makes them: registering a device that it has changes nothing and succeeds,
 * updating one that it has not adds it, removing one that it has not fails in words without a code.
 */
export class FakeMapper {
  readonly socketPath: string;
  readonly calls: Received[] = [];
  readonly devices = new Map<string, dmi.Device>();
  readonly models = new Map<string, dmi.DeviceModel>();
  /** Throws to refuse, with the text as details. */
  before: (method: string, name: string) => void | Promise<void> = () => undefined;
  #server: Server | undefined;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  async listen(): Promise<void> {
    const server = new Server({ "grpc.enable_channelz": 0 });
    const { devices, models } = this;
    server.addService(dmi.DeviceMapperService, {
      registerDevice: this.#handler(
        (r: dmi.RegisterDeviceRequest) => r.device?.name,
        "RegisterDevice",
        (r) => {
          const device = r.device as dmi.Device;
          if (!models.has(device.spec?.deviceModelReference ?? "")) throw new Error("deviceModel not found");
          if (!devices.has(device.name)) devices.set(device.name, device);
          return { deviceName: device.name, deviceNamespace: device.namespace };
        },
      ),
      updateDevice: this.#handler(
        (r: dmi.UpdateDeviceRequest) => r.device?.name,
        "UpdateDevice",
        (r) => {
          const device = r.device as dmi.Device;
          devices.set(device.name, device);
          return {};
        },
      ),
      removeDevice: this.#handler(
        (r: dmi.RemoveDeviceRequest) => r.deviceName,
        "RemoveDevice",
        (r) => {
          if (!devices.delete(r.deviceName)) throw new Error(`device ${r.deviceName} not found`);
          return {};
        },
      ),
      createDeviceModel: this.#handler(
        (r: dmi.CreateDeviceModelRequest) => r.model?.name,
        "CreateDeviceModel",
        (r) => {
          const model = r.model as dmi.DeviceModel;
          models.set(model.name, model);
          return { deviceModelName: model.name, deviceModelNamespace: model.namespace };
        },
      ),
      updateDeviceModel: this.#handler(
        (r: dmi.UpdateDeviceModelRequest) => r.model?.name,
        "UpdateDeviceModel",
        (r) => {
          const model = r.model as dmi.DeviceModel;
          if (!models.has(model.name))
            throw new Error(`update deviceModel ${model.name} failed, not existed`);
          models.set(model.name, model);
          return {};
        },
      ),
      removeDeviceModel: this.#handler(
        (r: dmi.RemoveDeviceModelRequest) => r.modelName,
        "RemoveDeviceModel",
        (r) => {
          models.delete(r.modelName);
          return {};
        },
      ),
      getDevice: this.#handler(
        (r: dmi.GetDeviceRequest) => r.deviceName,
        "GetDevice",
        (r) => ({
          device: devices.get(r.deviceName),
        }),
      ),
    });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix://${this.socketPath}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
    this.#server = server;
  }

  /** Takes what the answer to a registration holds, as a mapper at its start. */
  adopt({ deviceList, modelList }: dmi.MapperRegisterResponse): void {
    this.devices.clear();
    this.models.clear();
    for (const model of modelList) this.models.set(model.name, model);
    for (const device of deviceList) this.devices.set(device.name, device);
  }

  /** As kill -9: the socket's file stays. */
  die(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    rmSync(this.socketPath, { force: true });
  }

  methods(): string[] {
    return this.calls.map(({ method, name }) => `${method} ${name}`);
  }

  desiredOf(device: string, property: string): string | undefined {
    return this.devices.get(device)?.spec?.properties.find(({ name }) => name === property)?.desired?.value;
  }

  #handler<Request, Response>(
    nameOf: (request: Request) => string | undefined,
    method: string,
    run: (request: Request) => Response,
  ) {
    return (
      call: { request: Request },
      reply: (error: Partial<ServiceError> | null, response?: Response) => void,
    ) => {
      const name = nameOf(call.request) ?? "";
      this.calls.push({ method, name, request: call.request });
      Promise.resolve()
        .then(() => this.before(method, name))
        .then(() => run(call.request))
        .then(
          (response) => reply(null, response),
          (error: unknown) =>
            reply({ code: status.UNKNOWN, details: error instanceof Error ? error.message : "" }),
        );
    };
  }
}

/** A mapper's own client of the agent's socket. */
export interface MapperSide {
  readonly call: <Q, R>(method: dmi.ServiceMethod<Q, R>, request: NoInfer<Q>) => Promise<R>;
  /** Bytes as they are. */
  readonly raw: (path: string, bytes: Uint8Array) => Promise<Buffer>;
  readonly close: () => void;
}

export function mapperSide(socketPath: string, authority = "localhost"): MapperSide {
  const client = new Client(`unix://${socketPath}`, credentials.createInsecure(), {
    "grpc.default_authority": authority,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_send_message_length": -1,
    "grpc.enable_retries": 0,
  });
  const call: MapperSide["call"] = (method, request) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        new Metadata(),
        { deadline: Date.now() + 5_000 },
        (error, response) =>
          error || response === undefined ? reject(error ?? new Error()) : resolve(response),
      );
    });
  const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
  return {
    call,
    raw: (path, bytes) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, same, same, bytes, (error, response) =>
          error || !response ? reject(error ?? new Error()) : resolve(response),
        );
      }),
    close: () => client.close(),
  };
}

export interface Bench {
  readonly dir: string;
  readonly socketPath: string;
  readonly mapperPath: string;
  readonly store: MemoryStore;
  readonly records: MemoryRecords;
  readonly cloud: FakeCloud;
  readonly registry: Registry;
  readonly lines: string[];
  readonly room: DeviceRoom;
  readonly side: MapperSide;
  /** Another agent on the same records and store, as after a crash. */
  readonly restart: (overrides?: Partial<BenchOptions>) => Promise<Bench>;
  readonly register: (options?: {
    withData?: boolean;
    protocol?: string;
    address?: string;
  }) => Promise<dmi.MapperRegisterResponse>;
  readonly report: (property: string, value: string, device?: string) => Promise<unknown>;
  readonly metric: (name: string, labels: Record<string, string>) => Promise<number>;
  readonly stop: () => Promise<void>;
}

export interface BenchOptions {
  readonly store: MemoryStore;
  readonly records: MemoryRecords;
  readonly cloud: FakeCloud;
  readonly clock: Clock;
  readonly options: Partial<DeviceOptions>;
  readonly openServer: OpenDmiServer;
  readonly dir: string;
  /** Deadline of a call to a mapper. */
  readonly callTimeoutMs: number;
}

/** The room on a real socket, with a store and a cloud in memory. */
export async function startRoom(overrides: Partial<BenchOptions> = {}): Promise<Bench> {
  const dir = overrides.dir ?? mkdtempSync(join(tmpdir(), "dmi-"));
  const { store = new MemoryStore(), records = new MemoryRecords(), cloud = new FakeCloud() } = overrides;
  const [socketPath, mapperPath] = [join(dir, "dmi.sock"), join(dir, "mapper.sock")];
  const registry = new Registry();
  const log = fakeLog();
  let ids = 0;
  const room = createDeviceRoom({
    store,
    records,
    uplink: cloud,
    openServer: overrides.openServer ?? openDmiServer,
    dial: () =>
      createMapperClient(mapperPath, {
        connectTimeoutMs: 200,
        ...(overrides.callTimeoutMs !== undefined && { timeoutMs: overrides.callTimeoutMs }),
      }),
    address: mapperAddress,
    clock: overrides.clock ?? systemClock,
    log,
    registry,
    newId: () => `id-${++ids}`,
    random: () => 0.5,
    options: { socketPath, minGapMs: 10, repeatSpreadMs: 20, writeBehindMs: 20, ...overrides.options },
  });
  await room.start();
  const side = mapperSide(socketPath);
  const bench: Bench = {
    dir,
    socketPath,
    mapperPath,
    store,
    records,
    cloud,
    registry,
    lines: log.lines,
    room,
    side,
    restart: (more = {}) => startRoom({ ...overrides, ...more, store, records, cloud, dir }),
    register: ({ withData = true, protocol = "thermo", address = mapperPath } = {}) =>
      side.call(dmi.DeviceManagerService.mapperRegister, {
        withData,
        mapper: {
          name: "m",
          version: "v1",
          apiVersion: "v1",
          protocol,
          address: Buffer.from(address),
          state: "ok",
        },
      }),
    report: (property, value, deviceName = "d1") =>
      side.call(dmi.DeviceManagerService.reportDeviceStatus, {
        deviceName,
        deviceNamespace: "default",
        reportedDevice: dmi.DeviceStatus.create({
          twins: [{ propertyName: property, observedDesired: { value: "20" }, reported: { value } }],
        }),
      }),
    metric: async (name, labels) => {
      const metric = (await registry.getMetricsAsJSON()).find((m) => m.name === name);
      const match = metric?.values.find((v) =>
        Object.entries(labels).every(([k, want]) => (v.labels as Record<string, unknown>)[k] === want),
      );
      return match?.value ?? 0;
    },
    stop: async () => {
      side.close();
      await room.stop();
    },
  };
  return bench;
}

/** A model with a temperature and a switch, as in the recordings. */
export function model(name = "m", maximum = "100"): DeviceModel {
  return {
    apiVersion: "devices.kubeedge.io/v1beta1",
    kind: "DeviceModel",
    metadata: { name, namespace: "default", uid: `uid-${name}`, resourceVersion: "1" },
    spec: {
      protocol: "thermo",
      properties: [
        {
          name: "temperature",
          description: "t",
          type: "INT",
          accessMode: "ReadWrite",
          minimum: "-40",
          maximum,
          unit: "C",
        },
        { name: "on", type: "BOOLEAN", accessMode: "ReadOnly" },
      ],
    },
  };
}

type Spec = NonNullable<Device["spec"]>;

/** The device of the recordings. */
export function device(
  desired = "20",
  extra: { name?: string; uid?: string; spec?: Partial<Spec> } = {},
): Device {
  const { name = "d1", uid = `uid-${name}`, spec = {} } = extra;
  return {
    apiVersion: "devices.kubeedge.io/v1beta1",
    kind: "Device",
    metadata: { name, namespace: "default", uid, resourceVersion: "1" },
    spec: {
      deviceModelRef: { name: "m" },
      nodeName: "edge-1",
      stateReport: { reportToCloud: true, reportCycle: 5000 },
      protocol: {
        protocolName: "thermo",
        configData: { host: "10.0.0.9", port: 502, ratio: 0.5, tls: true, unitId: 1 },
      },
      properties: [
        {
          name: "temperature",
          desired: { value: desired },
          visitors: {
            protocolName: "thermo",
            configData: { register: "holding", offset: 2, scale: 0.1, swap: false, dataType: "int" },
          },
          collectCycle: 1000,
          reportCycle: 1000,
          reportToCloud: true,
          pushMethod: { mqtt: { address: "tcp://127.0.0.1:1883", topic: "temp", qos: 0, retained: false } },
        },
        {
          name: "on",
          visitors: {
            protocolName: "thermo",
            configData: { register: "coil", offset: 0, dataType: "boolean" },
          },
          collectCycle: 2000,
          reportCycle: 2000,
        },
      ],
      methods: [{ name: "setValue", description: "sets", propertyNames: ["temperature"] }],
      ...spec,
    },
  };
}
