// SPDX-License-Identifier: Apache-2.0
// What is written is tried on a collector: otel.int.test.ts.
import { afterEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createOtelSink } from "../../../src/data/sinks/otel.ts";
import { numberOf, rejectedPoints } from "../../../src/data/sinks/otlp.ts";
import { aSample, otelTarget, secretsNamed, sendOnce } from "../samples.ts";
import { serve, type TestServer } from "./server.ts";

let server: TestServer | undefined;
afterEach(() => server?.close());

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
  /** An ExportMetricsServiceResponse: partial_success with rejected_data_points (below 128) and error_message "no". */
  const partial = (rejected: number): Uint8Array =>
    Uint8Array.of(0x0a, 6, 0x08, rejected, 0x12, 2, ...Buffer.from("no"));

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
