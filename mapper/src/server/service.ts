// SPDX-License-Identifier: Apache-2.0
import { status, type handleUnaryCall, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type {
  CreateDeviceModelRequest,
  CreateDeviceModelResponse,
  Device,
  DeviceModel,
  GetDeviceRequest,
  GetDeviceResponse,
  RegisterDeviceRequest,
  RegisterDeviceResponse,
  RemoveDeviceModelRequest,
  RemoveDeviceModelResponse,
  RemoveDeviceRequest,
  RemoveDeviceResponse,
  UpdateDeviceModelRequest,
  UpdateDeviceModelResponse,
  UpdateDeviceRequest,
  UpdateDeviceResponse,
} from "@longshore/crds/dmi";
import type { Counters } from "../counters.ts";
import { keyOf } from "../device/name.ts";
import { MapperError, reasonOf, type MapperErrorCode } from "../errors.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { MapperLog } from "../log.ts";

const STATUS_OF: Readonly<Record<MapperErrorCode, status>> = {
  OPTION_INVALID: status.INTERNAL,
  SOCKET_UNUSABLE: status.INTERNAL,
  TOKEN_UNREADABLE: status.INTERNAL,
  INVALID_DEVICE: status.INVALID_ARGUMENT,
  LIMIT_EXCEEDED: status.RESOURCE_EXHAUSTED,
  NOT_FOUND: status.NOT_FOUND,
  VALUE_INVALID: status.INVALID_ARGUMENT,
  DRIVER_FAULT: status.INTERNAL,
  DRIVER_TIMEOUT: status.DEADLINE_EXCEEDED,
  STOPPED: status.UNAVAILABLE,
};

export interface ServiceDeps {
  readonly fleet: Fleet;
  readonly counters: Counters;
  readonly log: MapperLog;
}

/** The seven calls of the edge. Each is idempotent: the same call twice is the same as once. */
export function createService({ fleet, counters, log }: ServiceDeps): UntypedServiceImplementation {
  function answer<Request, Response>(
    call: string,
    handle: (request: Request) => Response | Promise<Response>,
  ): handleUnaryCall<Request, Response> {
    return ({ request }, callback) => {
      Promise.resolve()
        .then(() => handle(request))
        .then(
          (response) => callback(null, response),
          (error: unknown) => {
            const code = error instanceof MapperError ? STATUS_OF[error.code] : status.INTERNAL;
            if (code !== status.NOT_FOUND) {
              counters.add("refusedInput");
              log.warn({ call, reason: reasonOf(error) }, "a call of the edge was refused");
            }
            callback({ code, details: reasonOf(error) });
          },
        );
    };
  }
  const putDevice = ({ device }: { device?: Device | undefined }): Device => {
    const given = required(device, "device");
    fleet.putDevice(given);
    return given;
  };
  const putModel = ({ model }: { model?: DeviceModel | undefined }): DeviceModel => {
    const given = required(model, "model");
    fleet.putModel(given);
    return given;
  };
  const deviceKey = ({ deviceNamespace, deviceName }: RemoveDeviceRequest | GetDeviceRequest): string =>
    keyOf({ namespace: deviceNamespace, name: deviceName });
  return {
    registerDevice: answer("RegisterDevice", (request: RegisterDeviceRequest): RegisterDeviceResponse => {
      const { name, namespace } = putDevice(request);
      return { deviceName: name, deviceNamespace: namespace };
    }),
    updateDevice: answer("UpdateDevice", (request: UpdateDeviceRequest): UpdateDeviceResponse => {
      putDevice(request);
      return {};
    }),
    removeDevice: answer(
      "RemoveDevice",
      async (request: RemoveDeviceRequest): Promise<RemoveDeviceResponse> => {
        await fleet.removeDevice(deviceKey(request));
        return {};
      },
    ),
    getDevice: answer("GetDevice", (request: GetDeviceRequest): GetDeviceResponse => {
      return { device: fleet.getDevice(deviceKey(request)) };
    }),
    createDeviceModel: answer(
      "CreateDeviceModel",
      (request: CreateDeviceModelRequest): CreateDeviceModelResponse => {
        const { name, namespace } = putModel(request);
        return { deviceModelName: name, deviceModelNamespace: namespace };
      },
    ),
    updateDeviceModel: answer(
      "UpdateDeviceModel",
      (request: UpdateDeviceModelRequest): UpdateDeviceModelResponse => {
        putModel(request);
        return {};
      },
    ),
    removeDeviceModel: answer(
      "RemoveDeviceModel",
      ({ modelNamespace, modelName }: RemoveDeviceModelRequest): RemoveDeviceModelResponse => {
        fleet.removeModel(keyOf({ namespace: modelNamespace, name: modelName }));
        return {};
      },
    ),
  };
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new MapperError("INVALID_DEVICE", `the request has no ${what}`);
  return value;
}
