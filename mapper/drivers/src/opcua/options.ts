// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_SECRET_FOLDERS } from "../files/index.ts";

/** Which servers' certificates are trusted: those in the folder `trusted`, or whoever answers. */
export type Trust = "folder" | "anyone";

/** Limits, folders and times of the OPC UA mapper, milliseconds. */
export interface OpcuaOptions {
  /** Own certificate, trusted and rejected ones. Default `/var/lib/longshore/opcua-mapper/pki`. */
  readonly pkiFolder: string;
  readonly trust: Trust;
  readonly secretFolders: readonly string[];
  /** A password for logins without a file. */
  readonly password: string | undefined;
  /** How long a server may take to answer; a device's `timeout` is for that device. Default 4 s. */
  readonly timeoutMs: number;
  /** A quiet session is asked for its server's state this often. Default 10 s. */
  readonly keepAliveMs: number;
  /** After a failed connect, requests fail at once for so long. Default 1 s. */
  readonly reconnectPauseMs: number;
  /** Sessions at the same time, one a server and login. Default 100. */
  readonly maxSessions: number;
  /** Certificates kept in `rejected`. Default 32. */
  readonly maxRejected: number;
  /** A message of a server. Default 4 MiB. */
  readonly maxMessageBytes: number;
}

export const DEFAULT_OPCUA_OPTIONS: OpcuaOptions = {
  pkiFolder: "/var/lib/longshore/opcua-mapper/pki",
  trust: "folder",
  secretFolders: DEFAULT_SECRET_FOLDERS,
  password: undefined,
  timeoutMs: 4_000,
  keepAliveMs: 10_000,
  reconnectPauseMs: 1_000,
  maxSessions: 100,
  maxRejected: 32,
  maxMessageBytes: 4 * 1024 * 1024,
};

/**
 * Reads `OPCUA_PKI_FOLDER`, `OPCUA_TRUST` (`folder` or `anyone`), `OPCUA_PASSWORD`, and `OPCUA_SECRET_FOLDERS`, a list
 * with commas.
 *
 * @throws {RangeError} naming the variable that makes no sense
 */
export function opcuaOptionsOf(env: Readonly<Record<string, string | undefined>>): OpcuaOptions {
  const base = DEFAULT_OPCUA_OPTIONS;
  const trust = env["OPCUA_TRUST"] ?? base.trust;
  if (trust !== "folder" && trust !== "anyone") throw new RangeError("OPCUA_TRUST must be folder or anyone");
  const pkiFolder = env["OPCUA_PKI_FOLDER"] ?? base.pkiFolder;
  const secretFolders = env["OPCUA_SECRET_FOLDERS"]?.split(",").map((folder) => folder.trim());
  if (![pkiFolder, ...(secretFolders ?? [])].every((path) => path.startsWith("/"))) {
    throw new RangeError("OPCUA_PKI_FOLDER and OPCUA_SECRET_FOLDERS must be absolute paths");
  }
  return {
    ...base,
    trust,
    pkiFolder,
    secretFolders: secretFolders ?? base.secretFolders,
    password: env["OPCUA_PASSWORD"],
  };
}
