// SPDX-License-Identifier: Apache-2.0
import { Server, ServerCredentials, status, type handleUnaryCall, type Metadata } from "@grpc/grpc-js";
import { DESCRIPTORS, DeviceManagerService, type ServiceMethod } from "@longshore/crds/dmi";
import { createServer } from "node:net";
import { Connections } from "./connections.ts";
import { MapperConnection } from "./front.ts";
import {
  DmiFault,
  type DmiCall,
  type DmiHandlers,
  type DmiMethod,
  type DmiObserver,
  type DmiServer,
  type DmiServerOptions,
} from "./port.ts";
import { reflection } from "./reflection.ts";
import { RequestBudget } from "./requests.ts";
import { listenOn } from "./socket.ts";

const DEFAULTS = {
  socketMode: 0o660,
  maxMessageBytes: 4 * 1024 * 1024,
  maxOpenBytes: 32 * 1024 * 1024,
  maxCalls: 100,
  maxConnections: 32,
  quietMs: 60_000,
};
const STOP_GRACE_MS = 1_000;

/** A request that is not protobuf is answered by our own words, not thrown about in the library. */
type Decoded<Request> = { readonly message: Request } | { readonly fault: DmiFault };

function decoding<Request, Response>(method: ServiceMethod<Request, Response>) {
  return {
    ...method,
    requestDeserialize: (bytes: Buffer): Decoded<Request> => {
      try {
        return { message: method.requestDeserialize(bytes) };
      } catch (cause) {
        return {
          fault: new DmiFault("INVALID_ARGUMENT", "malformed", "the request is not well formed", { cause }),
        };
      }
    },
    // Nobody calls through this table; the library only asks for the shape.
    requestSerialize: (): Buffer => Buffer.alloc(0),
  };
}

function toFault(error: unknown): DmiFault {
  if (error instanceof DmiFault) return error;
  return new DmiFault("INTERNAL", "internal", "the edge agent failed", { cause: error });
}

function tokenOf(metadata: Metadata): string | undefined {
  const [value] = metadata.get("authorization");
  return /^Bearer (\S{1,512})$/.exec(String(value ?? ""))?.[1];
}

/** Limits the calls that run at once, and turns whatever a handler throws into an answer. */
function createGuard(maxCalls: number, observe: DmiObserver) {
  let running = 0;
  return <Request, Response>(
    name: DmiMethod,
    handle: (request: Request, call: DmiCall) => Response | Promise<Response>,
  ): handleUnaryCall<Decoded<Request>, Response> => {
    const run = async (decoded: Decoded<Request>, call: DmiCall): Promise<Response> => {
      if ("fault" in decoded) throw decoded.fault;
      if (running > maxCalls)
        throw new DmiFault("RESOURCE_EXHAUSTED", "calls", `more than ${maxCalls} calls run at once`);
      return handle(decoded.message, call);
    };
    return (call, reply) => {
      running++;
      run(call.request, { isCancelled: () => call.cancelled, token: tokenOf(call.metadata) })
        .then(
          (response) => {
            observe(name, "OK");
            reply(null, response);
          },
          (error: unknown) => {
            const fault = toFault(error);
            observe(name, fault.code, fault.reason);
            reply({ code: status[fault.code], details: fault.message });
          },
        )
        .finally(() => {
          running--;
        });
    };
  };
}

function shutdown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, STOP_GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Serves `DeviceManagerService` on a unix socket. The connections are ours, not the library's: so there can be a
 * limit to them, and a mode on the socket.
 *
 * @throws {DmiSocketError}
 */
export async function openDmiServer(
  options: DmiServerOptions,
  handlers: DmiHandlers,
  observe: DmiObserver,
): Promise<DmiServer> {
  const { socketMode, maxMessageBytes, maxOpenBytes, maxCalls, maxConnections, quietMs } = {
    ...DEFAULTS,
    ...options,
  };
  const guard = createGuard(maxCalls, observe);
  const grpc = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_concurrent_streams": maxCalls,
    "grpc-node.max_session_memory": 16,
    "grpc.enable_channelz": 0,
  });
  const service = {
    mapperRegister: decoding(DeviceManagerService.mapperRegister),
    reportDeviceStatus: decoding(DeviceManagerService.reportDeviceStatus),
    reportDeviceStates: decoding(DeviceManagerService.reportDeviceStates),
  };
  const empty = {};
  const implementation = {
    mapperRegister: guard("MapperRegister", handlers.mapperRegister),
    reportDeviceStatus: guard(
      "ReportDeviceStatus",
      (request: Parameters<DmiHandlers["reportDeviceStatus"]>[0], call) => {
        handlers.reportDeviceStatus(request, call);
        return empty;
      },
    ),
    reportDeviceStates: guard(
      "ReportDeviceStates",
      (request: Parameters<DmiHandlers["reportDeviceStates"]>[0], call) => {
        handlers.reportDeviceStates(request, call);
        return empty;
      },
    ),
  };
  grpc.addService(service, implementation);
  for (const { definition, implementation: tells } of reflection(DESCRIPTORS, [
    "v1beta1.DeviceManagerService",
  ]))
    grpc.addService(definition, tells);
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const connections = new Connections({ maxConnections, quietMs }, () => performance.now());
  const budget = new RequestBudget(maxOpenBytes);
  const server = createServer((socket) => {
    if (connections.add(socket)) injector.injectConnection(new MapperConnection(socket, budget));
  });
  await listenOn(server, options.socketPath, socketMode);
  return {
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await shutdown(grpc);
      // A connection that never said a word of HTTP/2 is none that the library could end.
      connections.endAll();
      await closed;
    },
  };
}
