// SPDX-License-Identifier: Apache-2.0
// Against an OpenTelemetry collector that tells what it took.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createPusher } from "../../../src/data/pusher.ts";
import { createSinkOpener } from "../../../src/data/sinks/index.ts";
import { createOtelSink } from "../../../src/data/sinks/otel.ts";
import type { Sample } from "../../../src/data/port.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { aLog } from "../../support/gen.ts";
import { aSample, otelTarget, secretsNamed, sendOnce, withTls } from "../samples.ts";
import { makeCertificates } from "../servers/certificates.ts";
import {
  startCollector,
  type CollectorOptions,
  type Gauge,
  type OtelCollector,
} from "../servers/otel-collector.ts";
import { makeDir, until } from "../servers/process.ts";
import { ensureOtelCollector } from "../../../../hack/otel-collector/build.ts";

const BUILD_MS = 300_000;
const noSecrets = secretsNamed({});
const started: OtelCollector[] = [];
let program: string;
let server: OtelCollector;

beforeAll(async () => {
  program = await ensureOtelCollector(() => undefined);
  server = await start();
}, BUILD_MS);
afterAll(() => Promise.all(started.map((each) => each.stop())));

async function start(options: CollectorOptions = {}): Promise<OtelCollector> {
  const collector = await startCollector(program, options);
  started.push(collector);
  return collector;
}

/** What the server holds of a request that has it alone. */
async function sentAlone(...samples: readonly Sample[]): Promise<readonly Gauge[]> {
  const before = server.requests().length;
  await sendOnce(createOtelSink, otelTarget(server.port), noSecrets, ...samples);
  const [request = [], ...more] = server.requests().slice(before);
  expect(more).toEqual([]);
  return request;
}

const nanos = (atMs: number): string => `${BigInt(atMs) * 1_000_000n}`;
const keyOf = ({ namespace, device, property }: Sample): string =>
  JSON.stringify([namespace, device, property]);

/** The points of gauges by device and property. */
const byKey = (gauges: readonly Gauge[]): Record<string, Gauge["points"]> =>
  Object.fromEntries(
    gauges.map(({ resource, name, points }) => [
      JSON.stringify([resource["device.namespace"], resource["device.name"], name]),
      points,
    ]),
  );

describe("the OpenTelemetry sink at a real collector", () => {
  it("A18 exports a gauge for each property, with its device and times", async () => {
    const gauges = await sentAlone(
      aSample(),
      aSample({ atMs: 1_700_000_001_000, text: "-3.25e-3", value: -3.25e-3 }),
      aSample({ property: "isOn", type: "BOOLEAN", text: "true", value: true }),
      aSample({ property: "count", type: "INT", text: "9007199254740993", value: 9_007_199_254_740_993n }),
      aSample({ device: "b", namespace: "plant", property: "count", type: "STRING", text: "7", value: "7" }),
    );
    const resource = {
      ...{ "service.name": "longshore-mapper", "device.id": "default/hall" },
      ...{ "device.namespace": "default", "device.name": "hall" },
    };
    const scope = "longshore.mapper.data";
    const at = (atMs: number, asDouble: number) => ({ timeUnixNano: nanos(atMs), asDouble });
    expect(gauges).toEqual([
      {
        ...{ resource, scope, name: "temperature" },
        points: [at(1_700_000_000_123, 21.5), at(1_700_000_001_000, -0.00325)],
      },
      { resource, scope, name: "isOn", points: [at(1_700_000_000_123, 1)] },
      { resource, scope, name: "count", points: [at(1_700_000_000_123, 9_007_199_254_740_992)] },
      {
        resource: {
          ...{ ...resource, "device.id": "plant/b" },
          ...{ "device.namespace": "plant", "device.name": "b" },
        },
        ...{ scope, name: "count", points: [at(1_700_000_000_123, 7)] },
      },
    ]);
  });

  it("loses no sample, whatever they are called and in whatever order they come", async () => {
    const name = fc.string({ unit: "binary", maxLength: 40 });
    const sample = fc.record({
      ...{ namespace: fc.constantFrom("a", "b"), device: name, property: name },
      ...{ value: fc.double({ noNaN: true, noDefaultInfinity: true }), atMs: fc.nat(2 ** 42) },
    });
    await fc.assert(
      fc.asyncProperty(fc.array(sample, { minLength: 1, maxLength: 40 }), async (given) => {
        const samples = given.map((change) => aSample({ ...change, text: String(change.value) }));
        const want: Record<string, { timeUnixNano: string; asDouble: number }[]> = {};
        for (const each of samples) {
          const point = { timeUnixNano: nanos(each.atMs), asDouble: each.value as number };
          (want[keyOf(each)] ??= []).push(point);
        }
        expect(byKey(await sentAlone(...samples))).toEqual(want);
      }),
      { numRuns: 50 },
    );
  }, 60_000);

  it("sends a user's name and password, and says when they are wrong", async () => {
    const user = { name: "mapper", password: "s3cret" };
    const guarded = await start({ user });
    const target = otelTarget(guarded.port);
    const right = secretsNamed({ username: "mapper", password: "s3cret" });
    await sendOnce(createOtelSink, target, right, aSample());
    for (const given of [noSecrets, secretsNamed({ username: "mapper", password: "no" })])
      await expect(sendOnce(createOtelSink, target, given, aSample())).rejects.toMatchObject({
        ...{ code: "UNAUTHORIZED", retryable: true, message: "the server answered 401" },
      });
    expect(guarded.requests()).toHaveLength(1);
  });

  it("refuses what it cannot send and what has no such path", async () => {
    const before = server.requests().length;
    const sent = (path: string, sample: Sample) =>
      sendOnce(createOtelSink, otelTarget(server.port, path), noSecrets, sample);
    await expect(sent("", aSample({ text: "warm", value: "warm" }))).rejects.toMatchObject({
      code: "REFUSED",
    });
    await expect(sent("/nowhere", aSample())).rejects.toMatchObject({
      ...{ code: "REFUSED", message: "the server answered 404" },
    });
    expect(server.requests()).toHaveLength(before);
  });

  it.each([
    { when: "the authority is given", name: "IP:127.0.0.1", knows: true, want: undefined },
    { when: "the authority is unknown", name: "IP:127.0.0.1", knows: false, want: /CERT|SIGNATURE/ },
    { when: "the certificate is of another", name: "DNS:elsewhere", knows: true, want: /ALTNAME/ },
  ])("S13 checks the certificate when $when", async ({ name, knows, want }) => {
    const tls = await makeCertificates(makeDir("otel-tls"), name);
    const secure = await start({ tls });
    const given = secretsNamed(knows ? { ca: tls.caPem } : {});
    const sent = sendOnce(createOtelSink, withTls(otelTarget(secure.port)), given, aSample());
    if (want)
      await expect(sent).rejects.toMatchObject({ code: "UNREACHABLE", message: expect.stringMatching(want) });
    else await expect(sent).resolves.toBeUndefined();
    expect(secure.requests()).toHaveLength(want ? 0 : 1);
  });
});

describe("the data plane when a collector is killed", () => {
  it("R36 loses nothing that its buffer holds", async () => {
    const other = await start();
    const targets = [otelTarget(other.port)];
    const openSink = createSinkOpener(noSecrets);
    const plane = createPusher({ openSink, clock: createFakeClock(), log: aLog(), random: () => 0.5 });
    const offer = (from: number, to: number) => {
      for (let i = from; i < to; i++)
        plane.offer(targets, aSample({ value: i, text: String(i), atMs: 1_700_000_000_000 + i }));
    };
    offer(0, 50);
    expect(await plane.flush(10_000)).toBe(true);
    await other.kill();
    offer(50, 250);
    await until(() => plane.counters().failedSends === 1);
    await other.start();
    expect(await plane.flush(10_000)).toBe(true);
    offer(250, 300);
    expect(await plane.flush(10_000)).toBe(true);
    const points = other.requests().flatMap((gauges) => gauges.flatMap((gauge) => gauge.points));
    expect(points).toEqual(
      Array.from({ length: 300 }, (_, i) => ({ timeUnixNano: nanos(1_700_000_000_000 + i), asDouble: i })),
    );
    expect(plane.counters()).toMatchObject({ offered: 300, sent: 300, dropped: 0 });
    plane.close();
  });
});
