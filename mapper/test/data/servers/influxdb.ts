// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Certificates } from "./certificates.ts";
import { makeDir, startProcess, type TestProcess } from "./process.ts";

/** A series as `SELECT … GROUP BY *` tells it; times are in milliseconds. */
export interface Series {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly (string | number | null)[])[];
}

/** A line as InfluxDB understood it. */
export interface Point {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly atMs: number;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** A real InfluxDB that asks for its one user. */
export interface Influxdb extends TestProcess {
  /** What its InfluxDB 2 endpoints take for a token. */
  readonly token: string;
  /** @throws what InfluxDB says is wrong */
  query(statement: string, database?: string): Promise<Series[]>;
  /** Everything of a database. */
  read(database: string): Promise<Point[]>;
}

const USER = "mapper";
const PASSWORD = "s3cret";

export async function startInfluxdb(program: string, tls?: Certificates): Promise<Influxdb> {
  const dir = makeDir("influxdb");
  const server = await startProcess({
    ...{ command: program, dir },
    args: (port) => {
      writeFileSync(join(dir, "influxdb.toml"), configOf(dir, port, tls));
      return ["run", "-config", join(dir, "influxdb.toml")];
    },
  });
  const base = `http://127.0.0.1:${server.port}/query`;
  const authorization = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}`;

  async function query(statement: string, database = ""): Promise<Series[]> {
    const body = new URLSearchParams({ q: statement, db: database, epoch: "ms" });
    const answer = await fetch(base, { method: "POST", headers: { authorization }, body });
    const { results, error } = (await answer.json()) as Answer;
    const wrong = error ?? results?.find((result) => result.error !== undefined)?.error;
    if (wrong !== undefined) throw new Error(`InfluxDB: ${wrong}`);
    return (results ?? []).flatMap(({ series }) => series ?? []);
  }

  if (!tls) await query(`CREATE USER ${USER} WITH PASSWORD '${PASSWORD}' WITH ALL PRIVILEGES`);
  const read = async (database: string): Promise<Point[]> =>
    (await query("SELECT * FROM /.*/ GROUP BY *", database)).flatMap(pointsOf);
  return { ...server, query, read, token: `${USER}:${PASSWORD}` };
}

/** Each series has the tags and columns of all, which are empty where it has them not. */
const pointsOf = ({ name, tags = {}, columns, values }: Series): Point[] =>
  values.map(([time, ...cells]) => ({
    ...{ name, atMs: Number(time) },
    tags: Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== "")),
    fields: Object.fromEntries(
      cells.flatMap((cell, index) => (cell === null ? [] : [[columns[index + 1] ?? "", cell]])),
    ),
  }));

interface Answer {
  readonly error?: string;
  readonly results?: readonly { readonly series?: readonly Series[]; readonly error?: string }[];
}

const configOf = (dir: string, port: number, tls: Certificates | undefined): string => `
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "${dir}/meta"
[data]
  dir = "${dir}/data"
  wal-dir = "${dir}/wal"
[monitor]
  store-enabled = false
[logging]
  level = "warn"
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
  auth-enabled = ${!tls}
  https-enabled = ${!!tls}
  https-certificate = "${tls?.cert ?? ""}"
  https-private-key = "${tls?.key ?? ""}"
`;
