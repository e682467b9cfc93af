// SPDX-License-Identifier: Apache-2.0
export { decodeConnect, encodeConnect, type TunnelConnect } from "./connect.ts";
export { TunnelMessageError, type TunnelMessageErrorCode } from "./errors.ts";
export { capReceived, RECEIVED_MESSAGE_BYTES } from "./receive.ts";
export {
  decodeTunnelMessage,
  encodeTunnelMessage,
  MAX_TUNNEL_DATA_BYTES,
  MAX_TUNNEL_MESSAGE_BYTES,
  TUNNEL_TYPE,
  type TunnelMessage,
} from "./message.ts";
export { Pauses, type HeldBytes, type PauseLimits, type PausesDeps } from "./pauses.ts";
