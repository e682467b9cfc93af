// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createConnection, type Connection, type RowDataPacket } from "mysql2/promise";
import { createPusher } from "../../../src/data/pusher.ts";
import { createSinkOpener } from "../../../src/data/sinks/index.ts";
import { createMysqlSink, tableOf } from "../../../src/data/sinks/mysql.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { aLog } from "../../support/gen.ts";
import { aSample, mysqlTarget, secretsNamed, sendOnce, withTls } from "../samples.ts";
import { makeCertificates, type Certificates } from "../servers/certificates.ts";
import { makeDir, run, startProcess, until, type TestProcess } from "../servers/process.ts";

const PASSWORD = "s3cr3t-of-the-database";
const secrets = secretsNamed({ password: PASSWORD });
const noSecrets = secretsNamed({});
const started: TestProcess[] = [];
const SLOW_MS = 60_000;

/** A private server: its own files, port and socket. */
async function startMariadb(extra: (dir: string) => Promise<readonly string[]>): Promise<TestProcess> {
  const dir = makeDir("mariadb");
  const data = join(dir, "data");
  const mine = ["--no-defaults", `--datadir=${data}`, ...(process.getuid?.() === 0 ? ["--user=root"] : [])];
  const quick = ["--skip-test-db", "--auth-root-authentication-method=normal"];
  await run("mariadb-install-db", [...mine, ...quick]);
  const more = await extra(dir);
  const server = await startProcess({
    command: "mariadbd",
    dir,
    args: (port) => [
      ...[...mine, `--port=${port}`, "--bind-address=127.0.0.1", `--socket=${join(dir, "sql.sock")}`],
      ...["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--skip-name-resolve", ...more],
    ],
  });
  started.push(server);
  return server;
}

/** What somebody else's client does, as the administrator. */
async function admin<T>(port: number, ask: (client: Connection) => Promise<T>): Promise<T> {
  const client = await createConnection({ host: "127.0.0.1", port, user: "root", multipleStatements: true });
  try {
    return await ask(client);
  } finally {
    await client.end();
  }
}

const rowsOf = (port: number, statement: string): Promise<RowDataPacket[]> =>
  admin(port, async (client) => {
    const [rows] = await client.query<RowDataPacket[]>({ sql: statement, dateStrings: true });
    return rows.map((row) => ({ ...row }));
  });

const setUp = (port: number): Promise<unknown> =>
  admin(port, (client) =>
    client.query(
      "DROP DATABASE IF EXISTS plant; CREATE DATABASE plant CHARACTER SET utf8mb4;" +
        `CREATE OR REPLACE USER mapper@127.0.0.1 IDENTIFIED BY '${PASSWORD}';` +
        "GRANT CREATE, INSERT, UPDATE, SELECT ON plant.* TO mapper@127.0.0.1;" +
        `CREATE OR REPLACE USER reader@127.0.0.1 IDENTIFIED BY '${PASSWORD}';` +
        "GRANT SELECT ON plant.* TO reader@127.0.0.1",
    ),
  );

let server: TestProcess;
let files: Certificates;
beforeAll(async () => {
  server = await startMariadb(async (dir) => {
    files = await makeCertificates(dir);
    return [`--ssl-ca=${files.ca}`, `--ssl-cert=${files.cert}`, `--ssl-key=${files.key}`];
  });
}, SLOW_MS);
afterAll(() => Promise.all(started.map((one) => one.stop())));

describe("the MySQL sink at MariaDB", () => {
  beforeEach(() => setUp(server.port));
  const target = () => mysqlTarget(server.port);

  it("A18 makes KubeEdge's table for a property and inserts into it", async () => {
    await sendOnce(createMysqlSink, target(), secrets, aSample());
    const rows = await rowsOf(server.port, "SELECT * FROM plant.`default/hall/temperature`");
    expect(rows).toEqual([{ id: 1, ts: "2023-11-14 22:13:20.123", field: "21.5" }]);
  });

  it("goes on in a table that a mapper of KubeEdge made", async () => {
    await admin(server.port, (client) =>
      client.query(
        "CREATE TABLE plant.`default/hall/temperature` (id INT AUTO_INCREMENT PRIMARY KEY, ts DATETIME NOT NULL, field TEXT);" +
          "INSERT INTO plant.`default/hall/temperature` (ts, field) VALUES ('2023-11-14 22:13:00', '20')",
      ),
    );
    await sendOnce(createMysqlSink, target(), secrets, aSample());
    const rows = await rowsOf(server.port, "SELECT field FROM plant.`default/hall/temperature` ORDER BY id");
    expect(rows).toEqual([{ field: "20" }, { field: "21.5" }]);
  });

  it("holds once what is sent twice, as after a lost answer", async () => {
    for (const text of ["21.5", "21.5", "21.7"])
      await sendOnce(createMysqlSink, target(), secrets, aSample({ text }), aSample({ atMs: 5 }));
    const rows = await rowsOf(server.port, "SELECT field FROM plant.`default/hall/temperature` ORDER BY ts");
    expect(rows).toEqual([{ field: "21.5" }, { field: "21.7" }]);
  });

  it("inserts all of a batch or nothing", async () => {
    const good = Array.from({ length: 5 }, (_, index) => aSample({ device: `d${index}` }));
    const tooLong = aSample({ device: "e", text: "x".repeat(65_536) });
    const sent = sendOnce(createMysqlSink, target(), secrets, ...good, tooLong);
    await expect(sent).rejects.toMatchObject({ code: "REFUSED", message: "the server answered 1406" });
    for (const { device } of good)
      expect(await rowsOf(server.port, `SELECT * FROM plant.\`default/${device}/temperature\``)).toEqual([]);
    const plane = createPusher({
      openSink: createSinkOpener(secrets),
      ...{ clock: createFakeClock(), log: aLog(), random: () => 0.5 },
    });
    for (const sample of [...good, tooLong]) plane.offer([target()], sample);
    await until(() => plane.counters().sent === 5);
    await until(() => plane.counters().refused === 1);
    plane.close();
  });

  it(
    "keeps every text and name as it is, whatever quotes they hold",
    async () => {
      const sink = createMysqlSink(target(), secrets);
      const name = fc.string({ unit: "binary", minLength: 1, maxLength: 80 });
      const nasty = fc.constantFrom(
        "`; DROP DATABASE plant; --",
        "a`b",
        "a'b\"c\\",
        "x~1",
        "😀",
        "end ",
        "A",
      );
      let atMs = 0;
      await fc.assert(
        fc.asyncProperty(fc.oneof(name, nasty), fc.oneof(name, nasty), async (property, text) => {
          const sample = aSample({ property, text, atMs: ++atMs });
          await sink.send([{ sample, target: target() }], AbortSignal.timeout(10_000));
          const table = tableOf(sample).replaceAll("`", "``");
          const rows = await rowsOf(
            server.port,
            `SELECT field FROM plant.\`${table}\` ORDER BY ts DESC LIMIT 1`,
          );
          expect(rows).toEqual([{ field: text }]);
        }),
        { numRuns: 60 },
      );
      sink.close();
    },
    SLOW_MS,
  );

  it("gives each long name a table of its own", async () => {
    const device = "a-device-with-a-name-that-is-as-long-as-people-make-them";
    const samples = ["temperature-left", "temperature-right"].map((property) =>
      aSample({ device, property }),
    );
    await sendOnce(createMysqlSink, target(), secrets, ...samples);
    const tables = await rowsOf(
      server.port,
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'plant'",
    );
    expect(tables).toHaveLength(2);
    for (const { name } of tables) expect(name).toMatch(/^default\/a-device-with.*~[0-9a-f]{12}$/);
  });

  it("makes a table anew that was dropped", async () => {
    const sink = createMysqlSink(target(), secrets);
    const batch = [{ sample: aSample(), target: target() }];
    await sink.send(batch, AbortSignal.timeout(5_000));
    await admin(server.port, (client) => client.query("DROP TABLE plant.`default/hall/temperature`"));
    await sink.send(batch, AbortSignal.timeout(5_000));
    sink.close();
    expect(await rowsOf(server.port, "SELECT field FROM plant.`default/hall/temperature`")).toHaveLength(1);
  });

  it("needs no right to make tables for those that are there", async () => {
    await sendOnce(createMysqlSink, target(), secrets, aSample({ atMs: 1 }));
    await admin(server.port, (client) => client.query("REVOKE CREATE ON plant.* FROM mapper@127.0.0.1"));
    await sendOnce(createMysqlSink, target(), secrets, aSample({ atMs: 2 }));
    const sent = sendOnce(createMysqlSink, target(), secrets, aSample({ device: "new" }));
    await expect(sent).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  });

  it.each([
    {
      when: "the password is wrong",
      change: {},
      given: secretsNamed({ password: "no" }),
      code: "UNAUTHORIZED",
    },
    { when: "there is none", change: {}, given: noSecrets, code: "UNAUTHORIZED" },
    { when: "the user may not write", change: { userName: "reader" }, given: secrets, code: "UNAUTHORIZED" },
    {
      when: "the user may not use the database",
      change: { database: "mysql" },
      given: secrets,
      code: "UNAUTHORIZED",
    },
  ])("tells that it is not let in when $when, without the password", async ({ change, given, code }) => {
    const sent = sendOnce(createMysqlSink, mysqlTarget(server.port, change), given, aSample());
    await expect(sent).rejects.toMatchObject({ code, retryable: true });
    await expect(sent).rejects.not.toThrow(/s3cr3t|21\.5|hall|mapper/);
  });

  it("waits for a database that is not there yet", async () => {
    await admin(server.port, (client) =>
      client.query("DROP DATABASE plant; GRANT ALL ON *.* TO mapper@127.0.0.1"),
    );
    const sent = sendOnce(createMysqlSink, target(), secrets, aSample());
    await expect(sent).rejects.toMatchObject({ code: "UNAVAILABLE", message: "the server answered 1049" });
  });
});

describe("the MySQL sink with TLS", () => {
  beforeEach(() => setUp(server.port));

  it("takes a server whose certificate is of its address", async () => {
    await admin(server.port, (client) => client.query("ALTER USER mapper@127.0.0.1 REQUIRE SSL"));
    const target = mysqlTarget(server.port);
    const known = secretsNamed({ password: PASSWORD, ca: files.caPem });
    await sendOnce(createMysqlSink, withTls(target), known, aSample());
    await expect(sendOnce(createMysqlSink, target, secrets, aSample())).rejects.toMatchObject({
      code: "UNAUTHORIZED",
    });
  });

  it.each([
    { when: "unknown authority", host: "127.0.0.1", knows: false },
    { when: "a certificate of another name", host: "localhost", knows: true },
  ])("S13 takes no server with $when", async ({ host, knows }) => {
    const given = secretsNamed(knows ? { password: PASSWORD, ca: files.caPem } : { password: PASSWORD });
    const sent = sendOnce(createMysqlSink, withTls(mysqlTarget(server.port), host), given, aSample());
    await expect(sent).rejects.toMatchObject({ code: "UNREACHABLE", message: "HANDSHAKE_SSL_ERROR" });
  });
});

describe("the data plane when the database is away", () => {
  beforeEach(() => setUp(server.port));

  it(
    "is late when it hangs, and R36 loses nothing that its buffer holds when it is killed",
    async () => {
      const target = mysqlTarget(server.port);
      const sink = createMysqlSink(target, secrets);
      await sink.send([{ sample: aSample(), target }], AbortSignal.timeout(5_000));
      server.freeze();
      await expect(
        sink.send([{ sample: aSample(), target }], AbortSignal.timeout(100)),
      ).rejects.toMatchObject({
        code: "TIMEOUT",
      });
      server.thaw();
      const openSink = createSinkOpener(secrets);
      const plane = createPusher({ openSink, clock: createFakeClock(), log: aLog(), random: () => 0.5 });
      const offer = (from: number, to: number) => {
        for (let i = from; i < to; i++)
          plane.offer([target], aSample({ device: "k", text: String(i), atMs: 1_700_000_000_000 + i }));
      };
      offer(0, 300);
      await until(() => plane.counters().sent > 0);
      await server.kill();
      offer(300, 500);
      await until(() => plane.counters().failedSends > 0);
      await server.start();
      expect(await plane.flush(1_000)).toBe(true);
      const rows = await rowsOf(server.port, "SELECT field FROM plant.`default/k/temperature` ORDER BY ts");
      expect(rows.map(({ field }) => Number(field))).toEqual(
        Array.from({ length: 500 }, (_, index) => index),
      );
      expect(plane.counters()).toMatchObject({ offered: 500, sent: 500, dropped: 0 });
      plane.close();
    },
    SLOW_MS,
  );
});
