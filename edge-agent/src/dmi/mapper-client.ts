// SPDX-License-Identifier: Apache-2.0
import { Client, credentials, status, type ServiceError } from "@grpc/grpc-js";
import { DeviceMapperService, type ServiceMethod } from "@longshore/crds/dmi";
import { checkMapperSocket } from "./address.ts";
import { MapperError, type MapperClient, type MapperErrorCode } from "./port.ts";

/** KubeEdge's deadline of a call to a mapper. */
const CALL_TIMEOUT_MS = 10_000;
/** A unix socket answers at once, or nobody is there. */
const CONNECT_TIMEOUT_MS = 2_000;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

const CODES: Readonly<Partial<Record<number, MapperErrorCode>>> = {
  [status.UNAVAILABLE]: "UNREACHABLE",
  [status.CANCELLED]: "UNREACHABLE",
  [status.DEADLINE_EXCEEDED]: "TIMEOUT",
  [status.ALREADY_EXISTS]: "EXISTS",
  [status.NOT_FOUND]: "ABSENT",
};

/** Mappers made with KubeEdge's framework have no status codes, only words. */
const ABSENT_WORDS = /\bnot[ -]?(found|exist)/i;
const EXISTS_WORDS = /\balready (exist|registered)/i;

function toMapperError(method: string, cause: ServiceError): MapperError {
  const byWords = EXISTS_WORDS.test(cause.details)
    ? "EXISTS"
    : ABSENT_WORDS.test(cause.details)
      ? "ABSENT"
      : "REFUSED";
  return new MapperError(CODES[cause.code] ?? byWords, method, cause.details.slice(0, 300), { cause });
}

/** The client of the mapper that listens on this socket. */
export function createMapperClient(
  socketPath: string,
  {
    timeoutMs = CALL_TIMEOUT_MS,
    connectTimeoutMs = CONNECT_TIMEOUT_MS,
  }: { readonly timeoutMs?: number; readonly connectTimeoutMs?: number } = {},
): MapperClient {
  const client = new Client(`unix://${socketPath}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.initial_reconnect_backoff_ms": 200,
    "grpc.max_reconnect_backoff_ms": 2_000,
    "grpc.use_local_subchannel_pool": 1,
    // Node's HTTP/2 servers reset a request whose authority is a raw path.
    "grpc.default_authority": "localhost",
  });
  const call = <Request, Response>(
    method: ServiceMethod<Request, Response>,
    request: Request,
  ): Promise<Response> => {
    const name = method.path.slice(method.path.lastIndexOf("/") + 1);
    return new Promise<Response>((resolve, reject) => {
      checkMapperSocket(socketPath, name);
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        { deadline: Date.now() + timeoutMs },
        (error, response) => {
          if (error) reject(toMapperError(name, error));
          else if (response === undefined) reject(new MapperError("REFUSED", name, "empty answer"));
          else resolve(response);
        },
      );
    });
  };
  const ready = (): Promise<void> =>
    new Promise((resolve, reject) => {
      checkMapperSocket(socketPath, "connect");
      client.waitForReady(Date.now() + connectTimeoutMs, (cause) => {
        if (cause) reject(new MapperError("UNREACHABLE", "connect", "nobody answers", { cause }));
        else resolve();
      });
    });
  const { registerDevice, updateDevice, removeDevice, getDevice } = DeviceMapperService;
  const { createDeviceModel, updateDeviceModel, removeDeviceModel } = DeviceMapperService;
  const done = (): void => undefined;
  return {
    ready,
    registerDevice: (device) => call(registerDevice, { device }).then(done),
    updateDevice: (device) => call(updateDevice, { device }).then(done),
    removeDevice: (deviceNamespace, deviceName) =>
      call(removeDevice, { deviceNamespace, deviceName }).then(done),
    createDeviceModel: (model) => call(createDeviceModel, { model }).then(done),
    updateDeviceModel: (model) => call(updateDeviceModel, { model }).then(done),
    removeDeviceModel: (modelNamespace, modelName) =>
      call(removeDeviceModel, { modelNamespace, modelName }).then(done),
    getDevice: (deviceNamespace, deviceName) =>
      call(getDevice, { deviceNamespace, deviceName }).then(({ device }) => device),
    close: () => client.close(),
  };
}
