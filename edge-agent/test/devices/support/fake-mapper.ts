// SPDX-License-Identifier: Apache-2.0
import { Server, ServerCredentials, status, type ServiceError } from "@grpc/grpc-js";
import * as dmi from "@longshore/crds/dmi";
import { rmSync } from "node:fs";

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
  /** The request as it came. */
  readonly bytes: Buffer;
}

const received = new WeakMap<object, Buffer>();

/** The service, remembering the bytes of each request. */
const remembering = Object.fromEntries(
  Object.entries(dmi.DeviceMapperService).map(([name, method]) => [
    name,
    {
      ...method,
      requestDeserialize: (bytes: Buffer): object => {
        const request = method.requestDeserialize(bytes);
        received.set(request, Buffer.from(bytes));
        return request;
      },
    },
  ]),
) as typeof dmi.DeviceMapperService;

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
    server.addService(remembering, {
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

  #handler<Request extends object, Response>(
    nameOf: (request: Request) => string | undefined,
    method: string,
    run: (request: Request) => Response,
  ) {
    return (
      call: { request: Request },
      reply: (error: Partial<ServiceError> | null, response?: Response) => void,
    ) => {
      const name = nameOf(call.request) ?? "";
      const bytes = received.get(call.request) ?? Buffer.alloc(0);
      this.calls.push({ method, name, request: call.request, bytes });
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
