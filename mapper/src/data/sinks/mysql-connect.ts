// SPDX-License-Identifier: Apache-2.0
import { connect as connectSocket, isIP, type Socket } from "node:net";
import type { ConnectionOptions } from "mysql2";
import type { Connection } from "mysql2/promise";
import type { Endpoint, MysqlTarget, Secrets } from "../port.ts";
import { readTls } from "./tls.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** Prepared statements that are kept; past it those used longest ago are prepared again. */
const MAX_STATEMENTS = 256;
/** What does not fit a column is an error, not cut. */
const STRICT = "SET SESSION sql_mode = CONCAT_WS(',', @@SESSION.sql_mode, 'STRICT_ALL_TABLES')";

/** A connection to MySQL or MariaDB that can be ended at any time. */
export interface MysqlLine {
  readonly connection: Connection;
  readonly connect: () => Promise<void>;
  readonly cut: () => void;
}

/** Reads the secret `password` and begins to connect. @throws {SinkError} SECRET_UNREADABLE */
export async function connectMysql(target: MysqlTarget, secrets: Secrets): Promise<MysqlLine> {
  const { endpoint, database, userName: user } = target;
  const password = await secrets.read("mysql", endpoint, "password");
  const tls = await readTls(secrets, "mysql", endpoint);
  const { default: mysql } = await import("mysql2"); // in a bundle all that it exports is there
  const options: ConnectionOptions = {
    ...{ host: endpoint.host, port: endpoint.port, user, database, charset: "utf8mb4" },
    ...(password === undefined ? {} : { password }),
    // Unless told, the library asks for no certificate's name.
    ...(tls === undefined ? {} : { ssl: { ...tls, rejectUnauthorized: true, verifyIdentity: true } }),
    ...(tls !== undefined && isIP(endpoint.host) !== 0 ? { stream: () => named(endpoint) } : {}),
    ...{ connectTimeout: CONNECT_TIMEOUT_MS, maxPreparedStatements: MAX_STATEMENTS, disableEval: true },
    ...{ multipleStatements: false, enableCleartextPlugin: false },
  };
  const raw = mysql.createConnection(options);
  raw.on("error", () => undefined); // else one that nobody waits for would end the process
  const connection = raw.promise();
  return {
    connection,
    connect: async () => {
      await connection.connect();
      await connection.query(STRICT);
    },
    cut: () => raw.destroy(),
  };
}

/**
 * The library wraps a socket of its own in TLS without telling whose certificate is wanted. Node then takes the name
 * that the socket was connected by, but does not keep it for an address, and would ask for a certificate of localhost.
 */
function named({ host, port }: Endpoint): Socket {
  const socket = connectSocket({ host, port, noDelay: true });
  return Object.assign(socket, { _host: host });
}
