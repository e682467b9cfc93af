// SPDX-License-Identifier: Apache-2.0
// InfluxDB 1.8 takes what InfluxDB 2 takes, and tells what it took.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createPusher } from "../../../src/data/pusher.ts";
import { createSinkOpener } from "../../../src/data/sinks/index.ts";
import { createInfluxdb2Sink } from "../../../src/data/sinks/influxdb2.ts";
import type { Delivery, Influxdb2Target } from "../../../src/data/port.ts";
import { planPush } from "../../../src/data/target.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { aLog } from "../../support/gen.ts";
import { aSample, influxdb2Target, secretsNamed, sendOnce, withTls } from "../samples.ts";
import { makeCertificates, type Certificates } from "../servers/certificates.ts";
import { startInfluxdb, type Influxdb, type Point } from "../servers/influxdb.ts";
import { makeDir, until } from "../servers/process.ts";
import { ensureInfluxdb } from "../../../../hack/influxdb/build.ts";

const BUILD_MS = 300_000;
let program: string;
let server: Influxdb;
let made = 0;
const started: Influxdb[] = [];

beforeAll(async () => {
  program = await ensureInfluxdb(() => undefined);
  server = await start();
}, BUILD_MS);
afterAll(() => Promise.all(started.map((each) => each.stop())));

async function start(tls?: Certificates): Promise<Influxdb> {
  const influxdb = await startInfluxdb(program, tls);
  started.push(influxdb);
  return influxdb;
}

const secrets = () => secretsNamed({ token: server.token });

/** A target in a database of its own; InfluxDB 1.8 takes its name for a bucket's. */
async function freshTarget(change: Partial<Influxdb2Target> = {}): Promise<Influxdb2Target> {
  const bucket = `b&c ${made++}`;
  await server.query(`CREATE DATABASE "${bucket}"`);
  return influxdb2Target(server.port, { bucket, ...change });
}

const read = ({ bucket }: Influxdb2Target): Promise<Point[]> => server.read(bucket);

/** What InfluxDB shall have of a sample. */
const pointOf = ({ target, sample }: Delivery<Influxdb2Target>): Point => ({
  ...{ name: target.measurement, tags: target.tags, atMs: sample.atMs },
  fields: { [target.fieldKey]: sample.text },
});
const byName = (points: readonly Point[]): Point[] => points.toSorted((a, b) => (a.name < b.name ? -1 : 1));

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.string({
    unit: fc.constantFrom("\\", ",", "=", " ", '"', "'", "#", "t", "n", "ü", "\n"),
    maxLength: 12,
  }),
);
/**
 * Samples for what the data plane takes of Devices, of which each has a measurement of its own. Where one's tag is
 * another's field, a query for both mixes them up.
 */
const written = fc
  .record({ measurement: text, fieldKey: text, key: text, value: text, given: text })
  .filter(({ fieldKey }) => !fieldKey.startsWith("k"))
  .map(({ measurement, fieldKey, key, value, given }) => {
    const influxdb2DataConfig = { measurement, fieldKey, tag: { [`k${key}`]: value } };
    const influxdb2ClientConfig = { url: "http://127.0.0.1:8086", org: "o", bucket: "b" };
    const { targets } = planPush({ dbMethod: { influxdb2: { influxdb2ClientConfig, influxdb2DataConfig } } });
    const [target] = targets.filter(({ kind }) => kind === "influxdb2");
    return { target, sample: aSample({ text: given }) };
  })
  .filter((delivery): delivery is Delivery<Influxdb2Target> => delivery.target !== undefined);
const writes = fc.uniqueArray(written, {
  ...{ minLength: 1, maxLength: 30, selector: ({ target }: Delivery<Influxdb2Target>) => target.measurement },
});

describe("the InfluxDB 2 sink at a real server", () => {
  it("A18 writes values as strings, with their tags and times", async () => {
    const tags = { "the place": "hall, 2=b", z: "ü" };
    const target = await freshTarget({ measurement: "plant, hall", fieldKey: "a value", tags });
    const samples = Array.from({ length: 100 }, (_, index) =>
      aSample({ text: String(index), atMs: 1_700_000_000_000 + index }),
    );
    await sendOnce(createInfluxdb2Sink, target, secrets(), ...samples);
    expect(await read(target)).toEqual(
      samples.map(({ atMs, text: value }) => ({
        name: "plant, hall",
        tags,
        atMs,
        fields: { "a value": value },
      })),
    );
    const [fields] = await server.query("SHOW FIELD KEYS", target.bucket);
    expect(fields?.values).toEqual([["a value", "string"]]);
  });

  it("holds once what is sent twice, as after a lost answer", async () => {
    const target = await freshTarget();
    for (const text of ["1", "1", "2"])
      await sendOnce(createInfluxdb2Sink, target, secrets(), aSample({ text }));
    expect((await read(target)).map(({ fields }) => fields)).toEqual([{ value: "2" }]);
  });

  it(
    "keeps every text as it is, under each name that a Device may give",
    () =>
      fc.assert(
        fc.asyncProperty(writes, async (batch) => {
          const target = await freshTarget();
          const sink = createInfluxdb2Sink(target, secrets());
          await sink.send(batch, AbortSignal.timeout(10_000));
          sink.close();
          expect(byName(await read(target))).toEqual(byName(batch.map(pointOf)));
        }),
        { numRuns: 20 },
      ),
    60_000,
  );

  it.each([
    { when: "the password is wrong", token: "mapper:no" },
    { when: "there is no such user", token: "nobody:s3cret" },
    { when: "there is no token", token: undefined },
  ])("says that it may not when $when", async ({ token }) => {
    const target = await freshTarget();
    const given = secretsNamed(token === undefined ? {} : { token });
    await expect(sendOnce(createInfluxdb2Sink, target, given, aSample())).rejects.toMatchObject({
      ...{ code: "UNAUTHORIZED", retryable: true, message: "the server answered 401" },
    });
    expect(await read(target)).toEqual([]);
  });

  it("waits for a bucket that is not there yet", async () => {
    const target = influxdb2Target(server.port, { bucket: "yet to be made" });
    await expect(sendOnce(createInfluxdb2Sink, target, secrets(), aSample())).rejects.toMatchObject({
      ...{ code: "UNAVAILABLE", retryable: true },
    });
    await server.query(`CREATE DATABASE "${target.bucket}"`);
    await sendOnce(createInfluxdb2Sink, target, secrets(), aSample());
    expect(await read(target)).toEqual([pointOf({ target, sample: aSample() })]);
  });

  it("refuses what goes into a field of another type", async () => {
    const target = await freshTarget();
    await fetch(
      `http://127.0.0.1:${server.port}/write?db=${encodeURIComponent(target.bucket)}&precision=ms`,
      {
        ...{ method: "POST", body: "m,place=hall value=1 1700000000000" },
        headers: { authorization: `Token ${server.token}` },
      },
    );
    const sent = sendOnce(createInfluxdb2Sink, target, secrets(), aSample());
    await expect(sent).rejects.toMatchObject({ code: "REFUSED", retryable: false });
  });

  it("S13 checks the server's certificate", async () => {
    const files = await makeCertificates(makeDir("influxdb-tls"));
    const secure = await start(files);
    const target = withTls(influxdb2Target(secure.port, { bucket: "none" }));
    const push = (given: Record<string, string>) =>
      sendOnce(createInfluxdb2Sink, target, secretsNamed(given), aSample());
    await expect(push({ ca: files.caPem })).rejects.toMatchObject({ message: "the server answered 404" });
    await expect(push({})).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});

describe("the data plane when InfluxDB is killed", () => {
  it("R36 loses nothing that its buffer holds", async () => {
    const target = await freshTarget();
    const openSink = createSinkOpener(secrets());
    const plane = createPusher({ openSink, clock: createFakeClock(), log: aLog(), random: () => 0.5 });
    const offer = (from: number, to: number) => {
      for (let i = from; i < to; i++)
        plane.offer([target], aSample({ text: String(i), atMs: 1_700_000_000_000 + i }));
    };
    offer(0, 50);
    expect(await plane.flush(10_000)).toBe(true);
    await server.kill();
    offer(50, 250);
    await until(() => plane.counters().failedSends === 1);
    await server.start();
    expect(await plane.flush(10_000)).toBe(true);
    offer(250, 300);
    expect(await plane.flush(10_000)).toBe(true);
    const want = Array.from({ length: 300 }, (_, index) => [1_700_000_000_000 + index, String(index)]);
    expect((await read(target)).map(({ atMs, fields }) => [atMs, fields["value"]])).toEqual(want);
    expect(plane.counters()).toMatchObject({ offered: 300, sent: 300, dropped: 0 });
    plane.close();
  });
});
