// SPDX-License-Identifier: Apache-2.0
import type { Connection } from "mysql2/promise";
import { SinkError, type Delivery, type MysqlTarget, type Sample, type Secrets, type Sink } from "../port.ts";
import { asUnreachable } from "./failure.ts";
import { connectMysql, type MysqlLine } from "./mysql-connect.ts";
import { fitName } from "./names.ts";
import { createSession } from "./session.ts";
import { millisecondsOf } from "./time.ts";

/** A statement for each table of a batch, each a round trip. */
const MAX_BATCH = 50;
/** Of MySQL, in characters. */
const MAX_NAME_LENGTH = 64;
/** What an identifier may hold; a name's end must not be blank. */
const LETTER = /^[\u0021-\ud7ff\ue000-\uffff]$/u;

/** The table of a property, as KubeEdge's mappers name it: `default/hall/temperature`. */
export const tableOf = ({ namespace, device, property }: Sample): string =>
  fitName(`${namespace}/${device}/${property}`, LETTER, MAX_NAME_LENGTH);

/** A quoted identifier. */
export const quote = (name: string): string => `\`${name.replaceAll("`", "``")}\``;

/** With KubeEdge's columns; times to the millisecond, each once, so that what is sent again replaces itself. */
export const createTable = (table: string): string =>
  `CREATE TABLE IF NOT EXISTS ${quote(table)} ` +
  "(id BIGINT AUTO_INCREMENT PRIMARY KEY, ts DATETIME(3) NOT NULL, field TEXT, UNIQUE KEY ts (ts))";

export const insertInto = (table: string, rows: number): string =>
  `INSERT INTO ${quote(table)} (ts, field) VALUES ${Array.from({ length: rows }, () => "(?, ?)").join(", ")} ` +
  "ON DUPLICATE KEY UPDATE field = VALUES(field)";

/** Inserts samples into a table for each property, which is made if missing; a batch is one transaction. */
export function createMysqlSink(target: MysqlTarget, secrets: Secrets): Sink<MysqlTarget> {
  const session = createSession<MysqlLine>({
    make: () => connectMysql(target, secrets),
    connect: ({ connect }) => failing(connect),
    cut: ({ cut }) => cut(),
  });
  return {
    maxBatch: MAX_BATCH,
    send: (batch, signal) =>
      session.use(signal, ({ connection }) => failing(() => insert(connection, byTable(batch)))),
    close: () => session.close(),
  };
}

type Tables = ReadonlyMap<string, readonly Sample[]>;

function byTable(batch: readonly Delivery[]): Tables {
  const tables = new Map<string, Sample[]>();
  for (const { sample } of batch) {
    const table = tableOf(sample);
    const samples = tables.get(table);
    if (samples) samples.push(sample);
    else tables.set(table, [sample]);
  }
  return tables;
}

/** Tables are made only when one is missing: who may but insert can do so into those that are there. */
async function insert(connection: Connection, tables: Tables): Promise<void> {
  try {
    await insertAll(connection, tables);
  } catch (error) {
    if (numberOf(error) !== NO_SUCH_TABLE) throw error;
    for (const table of tables.keys()) await connection.query(createTable(table));
    await insertAll(connection, tables);
  }
}

async function insertAll(connection: Connection, tables: Tables): Promise<void> {
  await connection.beginTransaction();
  try {
    for (const [table, samples] of tables) {
      const values = samples.flatMap(({ atMs, text }) => [millisecondsOf(atMs), text]);
      await connection.execute(insertInto(table, samples.length), values);
    }
    await connection.commit();
  } catch (error) {
    // Also ended by the server when the connection is: then this fails, and the first error is the one to tell.
    await connection.rollback().catch(() => undefined);
    throw error;
  }
}

async function failing(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw failureOf(error);
  }
}

const NO_SUCH_TABLE = 1146;
const UNAUTHORIZED = [1044, 1045, 1142, 1143, 1227, 1698, 1820, 1862, 3118, 4151];
/** Of one sample or its table, whose neighbours shall not wait: names, columns, what the table is. */
const REFUSED = [1054, 1059, 1064, 1103, 1118, 1136, 1153, 1264, 1292, 1300, 1347, 1364, 1366, 1406];

function failureOf(error: unknown): SinkError {
  const errno = numberOf(error);
  if (errno === undefined) return asUnreachable(error);
  const code = UNAUTHORIZED.includes(errno)
    ? "UNAUTHORIZED"
    : REFUSED.includes(errno)
      ? "REFUSED"
      : "UNAVAILABLE";
  return new SinkError(code, `the server answered ${errno}`, { cause: error });
}

/** The number of a server's error; those of the system are negative, and those of the library have none. */
function numberOf(error: unknown): number | undefined {
  const errno = typeof error === "object" && error !== null && "errno" in error ? error.errno : undefined;
  return typeof errno === "number" && errno >= 1000 ? errno : undefined;
}
