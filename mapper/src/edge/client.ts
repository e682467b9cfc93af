// SPDX-License-Identifier: Apache-2.0
import { Client, connectivityState, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import {
  DeviceManagerService,
  type MapperRegisterRequest,
  type MapperRegisterResponse,
  type ReportDeviceStatesRequest,
  type ReportDeviceStatusRequest,
  type ServiceMethod,
} from "@longshore/crds/dmi";

/** The calls that a mapper makes at the edge, once each: no retry here. They reject with gRPC's ServiceError. */
export interface EdgeClient {
  register(request: MapperRegisterRequest, timeoutMs: number): Promise<MapperRegisterResponse>;
  reportStatus(request: ReportDeviceStatusRequest, limits: CallLimits): Promise<void>;
  reportStates(request: ReportDeviceStatesRequest, limits: CallLimits): Promise<void>;
  /** Calls back once, when the connection is not there (any more). */
  onceDisconnected(callback: () => void): void;
  close(): void;
}

/** How long a call may take, and what ends it before. */
export interface CallLimits {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface EdgeClientDeps {
  /** Path of the edge's DMI socket. */
  readonly socket: string;
  readonly maxMessageBytes: number;
  /** Asked at each registration; what it throws fails that. undefined: the mapper has no token. */
  readonly token: () => string | undefined;
}

export function createEdgeClient({ socket, maxMessageBytes, token }: EdgeClientDeps): EdgeClient {
  let metadata = new Metadata();
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
    "grpc.use_local_subchannel_pool": 1,
    // A quiet mapper keeps its connection: losing it is how it notices that the edge is gone.
    "grpc.client_idle_timeout_ms": 2_147_483_647,
    // A socket's raw path is no authority for Node's HTTP/2.
    "grpc.default_authority": "localhost",
  });
  function call<Request, Response>(
    method: ServiceMethod<Request, Response>,
    request: Request,
    { timeoutMs, signal }: CallLimits,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, response?: Response): void => {
        signal?.removeEventListener("abort", cancel);
        if (error) reject(error);
        else if (response === undefined) reject(new Error("an empty answer of the edge"));
        else resolve(response);
      };
      const options = { deadline: Date.now() + timeoutMs };
      const running = client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        options,
        done,
      );
      function cancel(): void {
        running.cancel();
      }
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }
  const channel = client.getChannel();
  function onceDisconnected(callback: () => void): void {
    const state = channel.getConnectivityState(false);
    if (state === connectivityState.SHUTDOWN) return;
    if (state !== connectivityState.READY) callback();
    else channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => onceDisconnected(callback));
  }
  return {
    register: async (request, timeoutMs) => {
      const found = token();
      metadata = new Metadata();
      if (found !== undefined) metadata.set("authorization", `Bearer ${found}`);
      return call(DeviceManagerService.mapperRegister, request, { timeoutMs });
    },
    reportStatus: async (request, limits) => {
      await call(DeviceManagerService.reportDeviceStatus, request, limits);
    },
    reportStates: async (request, limits) => {
      await call(DeviceManagerService.reportDeviceStates, request, limits);
    },
    onceDisconnected,
    close: () => client.close(),
  };
}

/** What a failed call says about the edge. */
export type EdgeFailure = "away" | "busy" | "refused";

const FAILURES: Readonly<Record<number, EdgeFailure>> = {
  [status.UNAVAILABLE]: "away",
  [status.CANCELLED]: "away",
  // Its token changed: the next registration reads it anew.
  [status.UNAUTHENTICATED]: "away",
  [status.INVALID_ARGUMENT]: "refused",
  [status.NOT_FOUND]: "refused",
  [status.PERMISSION_DENIED]: "refused",
  [status.FAILED_PRECONDITION]: "refused",
  [status.UNIMPLEMENTED]: "refused",
  [status.OUT_OF_RANGE]: "refused",
};

/** Sorts a failed call by its gRPC code; what is not known is worth another attempt. */
export function failureOf(error: unknown): EdgeFailure {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "number" ? (FAILURES[code] ?? "busy") : "busy";
}
