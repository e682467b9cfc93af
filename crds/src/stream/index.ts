// SPDX-License-Identifier: Apache-2.0
export { STREAM_STATUS, StreamError } from "./errors.ts";
export type { StreamErrorCode } from "./errors.ts";
export { STREAM_LIMITS } from "./limits.ts";
export type { StreamLimits } from "./limits.ts";
export { READS } from "./request.ts";
export type {
  AttachRequest,
  ExecRequest,
  LogOptions,
  LogsRequest,
  PortForwardRequest,
  ReadRequest,
  StreamHead,
  StreamRequest,
  Upgrade,
} from "./request.ts";
export type { OpenedStream, StreamOpener } from "./port.ts";
export type { IncomingStream, Mux, MuxDeps, MuxSocket } from "./mux-port.ts";
