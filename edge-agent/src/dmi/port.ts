// SPDX-License-Identifier: Apache-2.0
import type {
  Device,
  DeviceModel,
  MapperRegisterRequest,
  MapperRegisterResponse,
  ReportDeviceStatesRequest,
  ReportDeviceStatusRequest,
} from "@longshore/crds/dmi";

/** Why a mapper's call is refused; the names are gRPC's. */
export type DmiFaultCode =
  | "INVALID_ARGUMENT"
  | "NOT_FOUND"
  | "RESOURCE_EXHAUSTED"
  | "UNAVAILABLE"
  | "UNAUTHENTICATED"
  | "PERMISSION_DENIED"
  | "INTERNAL";

/** A call that is answered with an error: `message` is the sentence that the mapper's developer reads. */
export class DmiFault extends Error {
  override readonly name = "DmiFault";
  readonly code: DmiFaultCode;
  /** A few constant words, for the counter. */
  readonly reason: string;
  constructor(code: DmiFaultCode, reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.reason = reason;
  }
}

/** What is known of a call while it runs. */
export interface DmiCall {
  /** The mapper gave up waiting, or is gone: nobody reads the answer. */
  isCancelled(): boolean;
  /** What it sent as `authorization: Bearer …`; undefined for nothing of that form. */
  readonly token?: string | undefined;
}

/** The tokens by which mappers are known. */
export interface MapperTokens {
  /** Name of the mapper that has this token; undefined for a token that nobody has. */
  nameOf(token: string): string | undefined;
  /**
   * Makes a token for a mapper that has none, where only root reads it.
   *
   * @returns its file; undefined when that name can have none, or there are too many
   */
  offer(name: string): string | undefined;
}

/** What the agent does when a mapper calls. Each may throw {DmiFault}; anything else is answered as INTERNAL. */
export interface DmiHandlers {
  readonly mapperRegister: (request: MapperRegisterRequest, call: DmiCall) => Promise<MapperRegisterResponse>;
  readonly reportDeviceStatus: (request: ReportDeviceStatusRequest, call: DmiCall) => void;
  readonly reportDeviceStates: (request: ReportDeviceStatesRequest, call: DmiCall) => void;
}

/** The name of a method, as in the proto. */
export type DmiMethod = "MapperRegister" | "ReportDeviceStatus" | "ReportDeviceStates";

/** Told of every call that ended. `reason` only where it was refused. */
export type DmiObserver = (method: DmiMethod, code: DmiFaultCode | "OK", reason?: string) => void;

/** Where the agent listens for mappers, and how much it takes at once. */
export interface DmiServerOptions {
  readonly socketPath: string;
  /** mode of the socket, default 0o660: root's, and a group's where an administrator chooses one */
  readonly socketMode?: number;
  /** default 4 MiB, gRPC's own */
  readonly maxMessageBytes?: number;
  /** bytes of requests that have not ended, of all mappers; default 32 MiB */
  readonly maxOpenBytes?: number;
  /** calls that run at once, of all mappers; default 100 */
  readonly maxCalls?: number;
  /** connections at once, default 32 */
  readonly maxConnections?: number;
  /** a connection that has been quiet for so long ends when there is one too many, default 60 s */
  readonly quietMs?: number;
}

/** The socket is open. */
export interface DmiServer {
  /** Ends within a second; calls that still run are cut. */
  stop(): Promise<void>;
}

/** Opens the socket. @throws {DmiSocketError} */
export type OpenDmiServer = (
  options: DmiServerOptions,
  handlers: DmiHandlers,
  observe: DmiObserver,
) => Promise<DmiServer>;

/** IN_USE: somebody answers there. NOT_A_SOCKET: something else has that name, and it is not removed. IO: the rest. */
export type DmiSocketErrorCode = "IN_USE" | "NOT_A_SOCKET" | "IO";

/** The socket for mappers cannot be opened; it may later. */
export class DmiSocketError extends Error {
  override readonly name = "DmiSocketError";
  readonly code: DmiSocketErrorCode;
  constructor(code: DmiSocketErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * UNREACHABLE: not connected, or cut. TIMEOUT: no answer in time; whether it was done is not known.
 * ADDRESS: the socket is not one to dial. EXISTS and ABSENT: the mapper has that object already, or not at all.
 * REFUSED: any other error of the mapper.
 */
export type MapperErrorCode = "UNREACHABLE" | "TIMEOUT" | "ADDRESS" | "EXISTS" | "ABSENT" | "REFUSED";

/** A call that a mapper did not do, or did not answer. */
export class MapperError extends Error {
  override readonly name = "MapperError";
  readonly code: MapperErrorCode;
  readonly method: string;
  constructor(code: MapperErrorCode, method: string, message: string, options?: ErrorOptions) {
    super(`${method}: ${message}`, options);
    this.code = code;
    this.method = method;
  }
}

/** What the agent asks of one mapper. Every call throws {MapperError}. One connection, dialled again as needed. */
export interface MapperClient {
  /** Resolves when there is a connection: what fails before that has certainly not reached the mapper. */
  ready(): Promise<void>;
  registerDevice(device: Device): Promise<void>;
  updateDevice(device: Device): Promise<void>;
  removeDevice(namespace: string, name: string): Promise<void>;
  createDeviceModel(model: DeviceModel): Promise<void>;
  updateDeviceModel(model: DeviceModel): Promise<void>;
  removeDeviceModel(namespace: string, name: string): Promise<void>;
  /** The device as the mapper has it. */
  getDevice(namespace: string, name: string): Promise<Device | undefined>;
  close(): void;
}

/** Makes the client of a mapper; nothing is dialled before the first call. */
export type DialMapper = (socketPath: string) => MapperClient;
