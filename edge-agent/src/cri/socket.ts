// SPDX-License-Identifier: Apache-2.0
import { lstatSync } from "node:fs";

/** What is wrong with the socket. */
export type SocketErrorCode = "MISSING" | "SYMLINK" | "NOT_A_SOCKET" | "NOT_ROOT_OWNED";

/** The runtime's socket is not one that the agent may trust. */
export class SocketError extends Error {
  override readonly name = "SocketError";
  readonly code: SocketErrorCode;
  /** Only a socket that is not there yet can become right by waiting. */
  readonly retryable: boolean;
  constructor(code: SocketErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === "MISSING";
  }
}

/** Path of a `unix:///path` endpoint, or of a bare path. */
export const socketPath = (endpoint: string): string => endpoint.replace(/^unix:(\/\/)?/, "");

/**
 * Whoever owns this socket runs as root on the node, so it must be root's and no link to elsewhere.
 *
 * @throws {SocketError}
 */
export function checkSocket(path: string, ownerUid = 0): void {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (!info) throw new SocketError("MISSING", `no container runtime socket at ${path}`);
  if (info.isSymbolicLink()) throw new SocketError("SYMLINK", `${path} is a symbolic link`);
  if (!info.isSocket()) throw new SocketError("NOT_A_SOCKET", `${path} is not a socket`);
  if (info.uid !== ownerUid) throw new SocketError("NOT_ROOT_OWNED", `${path} belongs to uid ${info.uid}`);
}
