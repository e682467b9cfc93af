// SPDX-License-Identifier: Apache-2.0
// VictoriaMetrics takes what InfluxDB 2 and an OpenTelemetry collector take, and tells what it took.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createPusher } from "../../../src/data/pusher.ts";
import { createSinkOpener } from "../../../src/data/sinks/index.ts";
import { createInfluxdb2Sink } from "../../../src/data/sinks/influxdb2.ts";
import { createOtelSink } from "../../../src/data/sinks/otel.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { aLog } from "../../support/gen.ts";
import { aSample, influxdb2Target, otelTarget, secretsNamed, sendOnce, withTls } from "../samples.ts";
import { makeCertificates } from "../servers/certificates.ts";
import { makeDir, startProcess, until, type TestProcess } from "../servers/process.ts";
import { ensureVictoriaMetrics } from "../../../../hack/victoria-metrics/build.ts";

const BUILD_MS = 240_000;
const OTEL_PATH = "/opentelemetry/v1/metrics";
const noSecrets = secretsNamed({});
const started: TestProcess[] = [];
let program: string;

async function startVictoria(args: readonly string[] = [], dir = makeDir("victoria")): Promise<TestProcess> {
  const server = await startProcess({
    command: program,
    dir,
    args: (port) => [
      ...[`-httpListenAddr=127.0.0.1:${port}`, `-storageDataPath=${join(dir, "data")}`],
      ...["-retentionPeriod=100y", "-memory.allowedPercent=5", "-search.latencyOffset=0s", ...args],
    ],
  });
  started.push(server);
  return server;
}

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly number[];
  readonly timestamps: readonly number[];
}

/** Everything of metrics whose name matches. */
async function read(port: number, match: string): Promise<Series[]> {
  const base = `http://127.0.0.1:${port}`;
  await fetch(`${base}/internal/force_flush`);
  const query = new URLSearchParams({ "match[]": match, start: "1", reduce_mem_usage: "1" });
  const answer = await fetch(`${base}/api/v1/export?${query.toString()}`);
  const lines = (await answer.text()).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Series);
}

beforeAll(async () => {
  program = await ensureVictoriaMetrics(() => undefined);
}, BUILD_MS);
afterAll(() => Promise.all(started.map((server) => server.stop())));

describe("the InfluxDB 2 sink at a real server", () => {
  it("A18 writes values with their tags and times", async () => {
    const { port } = await startVictoria();
    const target = influxdb2Target(port, {
      ...{ measurement: "plant, hall", fieldKey: "a value", tags: { "the place": "hall, 2=b", z: "ü" } },
    });
    const samples = Array.from({ length: 100 }, (_, index) =>
      aSample({ text: String(index), atMs: 1_700_000_000_000 + index }),
    );
    await sendOnce(createInfluxdb2Sink, target, noSecrets, ...samples);
    const [series] = await read(port, '{"the place"!=""}');
    expect(series?.metric).toMatchObject({
      ...{ __name__: "plant, hall_a value", "the place": "hall, 2=b", z: "ü" },
    });
    expect(series?.values).toEqual(samples.map((_, index) => index));
    expect(series?.timestamps).toEqual(samples.map(({ atMs }) => atMs));
  });
});

describe("the OpenTelemetry sink at a real server", () => {
  it("A18 exports a gauge for each property, with its device and times", async () => {
    const { port } = await startVictoria();
    const samples = [
      aSample(),
      aSample({ atMs: 1_700_000_001_000, text: "-3.25e-3", value: -3.25e-3 }),
      aSample({ property: "isOn", type: "BOOLEAN", text: "true", value: true }),
      aSample({ property: "count", type: "INT", text: "9007199254740993", value: 9_007_199_254_740_993n }),
      aSample({ device: "b", namespace: "plant", property: "count", type: "STRING", text: "7", value: "7" }),
    ];
    await sendOnce(createOtelSink, otelTarget(port, OTEL_PATH), noSecrets, ...samples);
    const [hall] = await read(port, "temperature");
    expect(hall?.metric).toMatchObject({
      ...{ "service.name": "longshore-mapper", "device.id": "default/hall" },
      ...{ "device.namespace": "default", "device.name": "hall" },
    });
    expect(hall).toMatchObject({
      values: [21.5, -0.00325],
      timestamps: [1_700_000_000_123, 1_700_000_001_000],
    });
    expect((await read(port, "isOn"))[0]?.values).toEqual([1]);
    const counts = await read(port, "count");
    const byDevice = new Map(counts.map(({ metric, values }) => [metric["device.id"], values]));
    expect(Object.fromEntries(byDevice)).toEqual({ "default/hall": [9_007_199_254_740_992], "plant/b": [7] });
  });

  it("sends a user's name and password, and says when they are wrong", async () => {
    const { port } = await startVictoria(["-httpAuth.username=mapper", "-httpAuth.password=s3cret"]);
    const target = otelTarget(port, OTEL_PATH);
    await sendOnce(
      createOtelSink,
      target,
      secretsNamed({ username: "mapper", password: "s3cret" }),
      aSample(),
    );
    for (const given of [noSecrets, secretsNamed({ username: "mapper", password: "no" })])
      await expect(sendOnce(createOtelSink, target, given, aSample())).rejects.toMatchObject({
        code: "UNAUTHORIZED",
      });
  });

  it("refuses what it cannot send and what has no such path", async () => {
    const { port } = await startVictoria();
    const word = sendOnce(
      createOtelSink,
      otelTarget(port, OTEL_PATH),
      noSecrets,
      aSample({ text: "warm", value: "warm" }),
    );
    await expect(word).rejects.toMatchObject({ code: "REFUSED" });
    const nowhere = sendOnce(createOtelSink, otelTarget(port, "/nowhere"), noSecrets, aSample());
    await expect(nowhere).rejects.toMatchObject({ code: "REFUSED", message: "the server answered 400" });
  });

  it.each([
    { when: "the authority is given", name: "IP:127.0.0.1", knows: true, want: undefined },
    { when: "the authority is unknown", name: "IP:127.0.0.1", knows: false, want: /CERT|SIGNATURE/ },
    { when: "the certificate is of another", name: "DNS:elsewhere", knows: true, want: /ALTNAME/ },
  ])("S13 checks the certificate when $when", async ({ name, knows, want }) => {
    const dir = makeDir("victoria");
    const { cert, key, caPem } = await makeCertificates(dir, name);
    const { port } = await startVictoria(["-tls", `-tlsCertFile=${cert}`, `-tlsKeyFile=${key}`], dir);
    const target = withTls(otelTarget(port, OTEL_PATH));
    const sent = sendOnce(createOtelSink, target, secretsNamed(knows ? { ca: caPem } : {}), aSample());
    if (want)
      await expect(sent).rejects.toMatchObject({ code: "UNREACHABLE", message: expect.stringMatching(want) });
    else await expect(sent).resolves.toBeUndefined();
  });
});

describe("the data plane when the server is killed", () => {
  it("R36 loses nothing that its buffer holds, of both kinds", async () => {
    const server = await startVictoria();
    const targets = [influxdb2Target(server.port), otelTarget(server.port, OTEL_PATH)];
    const openSink = createSinkOpener(noSecrets);
    const plane = createPusher({ openSink, clock: createFakeClock(), log: aLog(), random: () => 0.5 });
    const offer = (from: number, to: number) => {
      for (let i = from; i < to; i++)
        plane.offer(targets, aSample({ value: i, text: String(i), atMs: 1_700_000_000_000 + i }));
    };
    await server.kill();
    offer(0, 250);
    await until(() => plane.counters().failedSends === 2);
    await server.start();
    expect(await plane.flush(1_000)).toBe(true);
    offer(250, 300);
    expect(await plane.flush(1_000)).toBe(true);
    const want = Array.from({ length: 300 }, (_, index) => index);
    expect((await read(server.port, "m_value"))[0]?.values).toEqual(want);
    expect((await read(server.port, "temperature"))[0]?.values).toEqual(want);
    expect(plane.counters()).toMatchObject({ offered: 600, sent: 600, dropped: 0 });
    plane.close();
  });
});

describe("the OpenTelemetry sink and a name that is no metric's", () => {
  it("leaves odd names to the server", async () => {
    const { port } = await startVictoria();
    await sendOnce(createOtelSink, otelTarget(port, OTEL_PATH), noSecrets, aSample({ property: "a b/ü" }));
    expect(await read(port, '{"device.id"!=""}')).toHaveLength(1);
  });
});
