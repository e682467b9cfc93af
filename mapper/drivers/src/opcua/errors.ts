// SPDX-License-Identifier: Apache-2.0

export type OpcuaErrorCode =
  /** the server, or the way to it, does not answer; the connection broke */
  | "UNREACHABLE"
  /** the server's certificate is not trusted */
  | "UNTRUSTED"
  /** the server refuses the session: login, policy, number of sessions */
  | "REFUSED"
  /** the server answers a read or write with a bad status */
  | "STATUS"
  /** the value does not fit the node */
  | "VALUE"
  /** more sessions than this mapper may hold */
  | "LIMIT";

/** What goes wrong with a server or a node. `message` holds neither values nor credentials. */
export class OpcuaError extends Error {
  override readonly name = "OpcuaError";
  readonly code: OpcuaErrorCode;
  constructor(code: OpcuaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
