// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { Sink } from "../../../src/data/port.ts";
import { createHttpSink } from "../../../src/data/sinks/http.ts";
import { createInfluxdb2Sink, lineOf } from "../../../src/data/sinks/influxdb2.ts";
import { until } from "../servers/process.ts";
import { aSample, httpTarget, influxdb2Target, secretsOf } from "../samples.ts";
import { serve, status, type Seen, type TestServer } from "./server.ts";

const noSecrets = secretsOf(() => undefined);
const forever = new AbortController().signal;
let server: TestServer;
let sink: Sink<never> | undefined;

async function start(answer: (response: ServerResponse, seen: Seen) => void): Promise<TestServer> {
  server = await serve(answer);
  return server;
}
afterEach(async () => {
  sink?.close();
  await server.close();
});

describe("the HTTP sink", () => {
  it("posts KubeEdge's form, escaped and in UTC, over one connection", async () => {
    const { port, seen } = await start(status(200));
    const target = httpTarget(port, "/push?a=1");
    const http = createHttpSink(target, noSecrets);
    sink = http;
    await http.send([{ target, sample: aSample() }], forever);
    await http.send([{ target, sample: aSample({ property: "a&b", text: "x=1&time=\u00e9\n" }) }], forever);
    expect(seen[0]).toMatchObject({ method: "POST", path: "/push?a=1" });
    expect(seen[0]?.headers["content-type"]).toBe("application/x-www-form-urlencoded");
    expect(seen[0]?.headers.authorization).toBeUndefined();
    expect(seen[0]?.body).toBe("temperature=21.5&time=2023-11-14+22%3A13%3A20");
    expect([...new URLSearchParams(seen[1]?.body)][0]).toEqual(["a&b", "x=1&time=\u00e9\n"]);
    expect(seen.map(({ connection }) => connection)).toEqual([1, 1]);
  });

  it.each([
    { code: 204, want: undefined },
    { code: 302, want: { code: "REFUSED", retryable: false } },
    { code: 400, want: { code: "REFUSED", retryable: false } },
    { code: 404, want: { code: "REFUSED", retryable: false } },
    { code: 401, want: { code: "UNAUTHORIZED", retryable: true } },
    { code: 408, want: { code: "UNAVAILABLE", retryable: true } },
    { code: 429, want: { code: "UNAVAILABLE", retryable: true } },
    { code: 503, want: { code: "UNAVAILABLE", retryable: true } },
  ])("takes the answer $code for $want.code", async ({ code, want }) => {
    const { port } = await start((response) => {
      response.writeHead(code, { location: "/elsewhere" }).end();
    });
    const target = httpTarget(port);
    const http = createHttpSink(target, noSecrets);
    sink = http;
    const sent = http.send([{ target, sample: aSample() }], forever);
    if (want) await expect(sent).rejects.toMatchObject(want);
    else await expect(sent).resolves.toBeUndefined();
    expect(server.seen).toHaveLength(1);
  });

  it("sends anew what met a connection that the server had closed", async () => {
    let requests = 0;
    const { port, seen } = await start((response) => {
      if (++requests === 2) response.socket?.destroy();
      else response.end("ok");
    });
    const target = httpTarget(port);
    const http = createHttpSink(target, noSecrets);
    sink = http;
    await http.send([{ target, sample: aSample() }], forever);
    await http.send([{ target, sample: aSample({ text: "22" }) }], forever);
    expect(seen.map(({ connection }) => connection)).toEqual([1, 1, 2]);
    expect(seen[2]?.body).toBe(seen[1]?.body);
  });

  it("fails when nobody listens, when the signal aborts and when the target's own time is over", async () => {
    const { port, seen } = await start(() => undefined);
    const quick = { ...httpTarget(port), timeoutMs: 20 };
    const http = createHttpSink(quick, noSecrets);
    sink = http;
    const late = { code: "TIMEOUT", retryable: true };
    await expect(http.send([{ target: quick, sample: aSample() }], forever)).rejects.toMatchObject(late);
    const aborter = new AbortController();
    const sent = http.send([{ target: httpTarget(port), sample: aSample() }], aborter.signal);
    sent.catch(() => undefined);
    await until(() => seen.length > 0);
    aborter.abort();
    await expect(sent).rejects.toMatchObject(late);
    await server.close();
    const gone = { code: "UNREACHABLE", retryable: true, message: "ECONNREFUSED" };
    await expect(http.send([{ target: httpTarget(port), sample: aSample() }], forever)).rejects.toMatchObject(
      gone,
    );
  });

  it("cuts an answer that does not end", async () => {
    const { port } = await start((response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(16_384)));
      };
      response.on("drain", more);
      more();
    });
    const target = httpTarget(port);
    const http = createHttpSink(target, noSecrets);
    sink = http;
    await expect(http.send([{ target, sample: aSample() }], forever)).resolves.toBeUndefined();
  });
});

describe("the InfluxDB 2 sink", () => {
  it("writes a batch as line protocol, in milliseconds and with its token", async () => {
    const { port, seen } = await start(status(204));
    const target = influxdb2Target(port, { basePath: "/base" });
    const influxdb2 = createInfluxdb2Sink(
      target,
      secretsOf(() => "s3cret"),
    );
    sink = influxdb2;
    const other = { ...target, measurement: "n", tags: {} };
    const batch = [
      { target, sample: aSample() },
      { target: other, sample: aSample({ text: "a\nb" }) },
    ];
    await influxdb2.send(batch, forever);
    const [request] = seen;
    expect(request?.path).toBe("/base/api/v2/write?org=an+org&bucket=b%26c&precision=ms");
    expect(request?.headers.authorization).toBe("Token s3cret");
    expect(request?.body).toBe('m,place=hall value="21.5" 1700000000123\nn value="a\nb" 1700000000123');
  });

  it("tries later when the bucket is not there, and not when a line is wrong", async () => {
    const codes = [404, 422];
    const { port } = await start((response) => status(codes.shift() ?? 204)(response));
    const target = influxdb2Target(port);
    const influxdb2 = createInfluxdb2Sink(target, noSecrets);
    sink = influxdb2;
    const batch = [{ target, sample: aSample() }];
    await expect(influxdb2.send(batch, forever)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(influxdb2.send(batch, forever)).rejects.toMatchObject({ code: "REFUSED" });
  });

  it("escapes what would end a name or a string, and sorts the tags", async () => {
    await start(status(204));
    const target = influxdb2Target(1, {
      measurement: "a b,c=d",
      tags: { z: "1", "k =": "v,w" },
      fieldKey: "f g",
    });
    expect(lineOf({ target, sample: aSample({ text: 'say "\\"', atMs: 5.9 }) })).toBe(
      String.raw`a\ b\,c=d,k\ \==v\,w,z=1 f\ g="say \"\\\"" 5`,
    );
  });
});
