// SPDX-License-Identifier: Apache-2.0
export {
  createCri,
  type Cri,
  type CriAttach,
  type CriExec,
  type CriOptions,
  type CriPortForward,
} from "./client.ts";
export { CriError, isNotFound, type CriErrorCode } from "./errors.ts";
export { checkSocket, SocketError, socketPath, type SocketErrorCode } from "./socket.ts";
