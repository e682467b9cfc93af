// SPDX-License-Identifier: Apache-2.0
// Decoded by another library, from the field numbers of opentelemetry-proto.
import { afterEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import protobuf from "protobufjs";
import type { Sample } from "../../../src/data/port.ts";
import { createOtelSink } from "../../../src/data/sinks/otel.ts";
import { encodeMetrics, numberOf, rejectedPoints } from "../../../src/data/sinks/otlp.ts";
import { aSample, otelTarget, secretsNamed, sendOnce } from "../samples.ts";
import { serve, type TestServer } from "./server.ts";

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceMetrics resource_metrics = 1; }
  message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { string string_value = 1; }
  message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; }
  message Scope { string name = 1; string version = 2; }
  message Metric { string name = 1; string description = 2; string unit = 3; Gauge gauge = 5; }
  message Gauge { repeated Point data_points = 1; }
  message Point { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; double as_double = 4; }
  message Response { Partial partial_success = 1; }
  message Partial { int64 rejected_data_points = 1; string error_message = 2; }
`);
const Request = root.lookupType("Request");
const Response = root.lookupType("Response");

interface Decoded {
  readonly resourceMetrics?: readonly {
    readonly resource: { readonly attributes: readonly { key: string; value: { stringValue?: string } }[] };
    readonly scopeMetrics: readonly {
      readonly scope: { readonly name: string };
      readonly metrics: readonly {
        readonly name: string;
        readonly gauge: { readonly dataPoints: readonly { timeUnixNano: string; asDouble: number }[] };
      }[];
    }[];
  }[];
}

const decode = (bytes: Uint8Array): Decoded =>
  Request.toObject(Request.decode(bytes), { longs: String, defaults: true });

/** The points of a request, by device and property. */
function pointsOf(bytes: Uint8Array): Map<string, { timeUnixNano: string; asDouble: number }[]> {
  const points = new Map<string, { timeUnixNano: string; asDouble: number }[]>();
  for (const { resource, scopeMetrics } of decode(bytes).resourceMetrics ?? []) {
    const device = resource.attributes.find(({ key }) => key === "device.id")?.value.stringValue ?? "";
    for (const { name, gauge } of scopeMetrics.flatMap(({ metrics }) => metrics))
      points.set(`${device} ${name}`, [...gauge.dataPoints]);
  }
  return points;
}

let server: TestServer | undefined;
afterEach(() => server?.close());

describe("encodeMetrics", () => {
  it("writes a resource for a device, a gauge for a property, and a point for a sample", () => {
    const request = decode(encodeMetrics([aSample(), aSample({ property: "b" }), aSample({ device: "d" })]));
    expect(request.resourceMetrics).toHaveLength(2);
    const [hall] = request.resourceMetrics ?? [];
    expect(hall?.resource.attributes.map(({ key, value }) => [key, value.stringValue])).toEqual([
      ["service.name", "longshore-mapper"],
      ["device.id", "default/hall"],
      ["device.namespace", "default"],
      ["device.name", "hall"],
    ]);
    expect(hall?.scopeMetrics[0]?.metrics.map(({ name }) => name)).toEqual(["temperature", "b"]);
  });

  it("loses no sample, whatever they are called and in whatever order they come", () => {
    const name = fc.string({ unit: "binary", maxLength: 40 });
    const sample = fc.record({
      ...{ namespace: fc.constantFrom("a", "b"), device: name, property: name },
      ...{ value: fc.double({ noNaN: true, noDefaultInfinity: true }), atMs: fc.nat(2 ** 42) },
    });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 40 }), (given) => {
        const samples: Sample[] = given.map((change) => aSample({ ...change, text: String(change.value) }));
        const want = new Map<string, { timeUnixNano: string; asDouble: number }[]>();
        for (const { namespace, device, property, value, atMs } of samples) {
          const key = `${namespace}/${device} ${property}`;
          const point = { timeUnixNano: `${BigInt(atMs) * 1_000_000n}`, asDouble: value as number };
          want.set(key, [...(want.get(key) ?? []), point]);
        }
        const got = pointsOf(encodeMetrics(samples));
        expect([...got.keys()].sort()).toEqual([...want.keys()].sort());
        for (const [key, points] of got) expect(points).toMatchObject(want.get(key) ?? []);
      }),
      { numRuns: 100 },
    );
  });
});

describe("numberOf", () => {
  it.each([
    { value: 21.5, text: "21.5", want: 21.5 },
    { value: true, text: "true", want: 1 },
    { value: false, text: "false", want: 0 },
    { value: -5n, text: "-5", want: -5 },
    { value: "1e3", text: "1e3", want: 1000 },
    { value: ".5", text: ".5", want: 0.5 },
  ])("reads $text as $want", ({ want, ...sample }) => {
    expect(numberOf(sample)).toBe(want);
  });

  it.each(["", "warm", "0x10", "1e999", " 1", "1 2", "NaN", "Infinity"])("refuses %j", (text) => {
    expect(() => numberOf({ value: text, text })).toThrow(expect.objectContaining({ code: "REFUSED" }));
  });
});

describe("the OpenTelemetry sink's answers", () => {
  const answering = (body: Uint8Array) =>
    serve((response) => response.writeHead(200, { "content-type": "application/x-protobuf" }).end(body));
  const partial = (rejectedDataPoints: number): Uint8Array =>
    Response.encode(Response.create({ partialSuccess: { rejectedDataPoints, errorMessage: "no" } })).finish();

  it("posts to the path that is usual when the address has none", async () => {
    server = await answering(partial(0));
    const secrets = secretsNamed({ token: "t" });
    await sendOnce(createOtelSink, otelTarget(server.port, ""), secrets, aSample());
    await sendOnce(createOtelSink, otelTarget(server.port, "?db=x"), secrets, aSample());
    expect(server.seen.map(({ path }) => path)).toEqual(["/v1/metrics", "/v1/metrics?db=x"]);
    expect(server.seen[0]?.headers).toMatchObject({
      ...{ "content-type": "application/x-protobuf", authorization: "Bearer t" },
    });
  });

  it("refuses a batch of which only a part was taken", async () => {
    server = await answering(partial(2));
    const sent = sendOnce(createOtelSink, otelTarget(server.port), secretsNamed({}), aSample());
    await expect(sent).rejects.toMatchObject({ code: "REFUSED" });
  });

  it("reads no answer as more than it says", () => {
    for (const body of ["", "{}", "OK\n", "\u0001"]) expect(rejectedPoints(Buffer.from(body))).toBe(0);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (body) => {
        expect(rejectedPoints(body)).toEqual(expect.any(Number));
      }),
    );
    expect(rejectedPoints(partial(3))).toBe(3);
  });
});
