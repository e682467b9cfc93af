// SPDX-License-Identifier: Apache-2.0
export { STREAM_STATUS, StreamError } from "./errors.ts";
export type { StreamErrorCode } from "./errors.ts";
export { STREAM_LIMITS } from "./limits.ts";
export type { StreamLimits } from "./limits.ts";
export {
  headerPairs,
  kubeletUrl,
  readKubeletRequest,
  type KubeletCall,
  type KubeletRequest,
  type KubeletUrl,
} from "./kubelet-path.ts";
export { readStreamRequest } from "./validate.ts";
export { UPGRADE_HEADERS } from "./validate-upgrade.ts";
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
export { createMux } from "./mux.ts";
export { joinStreams, serveIncoming, toStreamError } from "./serve.ts";
export type { OnUnexpected, ResolveStream, StreamTarget } from "./serve.ts";
export {
  capReceived,
  decodeConnect,
  decodeTunnelMessage,
  encodeConnect,
  encodeTunnelMessage,
  MAX_TUNNEL_DATA_BYTES,
  MAX_TUNNEL_MESSAGE_BYTES,
  RECEIVED_MESSAGE_BYTES,
  Pauses,
  TUNNEL_TYPE,
  TunnelMessageError,
  type HeldBytes,
  type PauseLimits,
  type TunnelConnect,
  type TunnelMessage,
  type TunnelMessageErrorCode,
} from "./legacy/index.ts";
