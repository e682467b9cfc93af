// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measuredOf } from "../../src/edge-application/rollout/answer.ts";
import { createMetrics } from "../../src/edge-application/rollout/metrics.ts";
import { createTestCa } from "../hub/support/pki.ts";

const never = new AbortController().signal;
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
const serve = async (handler: RequestListener): Promise<string> =>
  `http://127.0.0.1:${await listen(createServer(handler))}`;
const saying = (status: number, text: string, headers = {}): RequestListener => {
  return (_, response) => void response.writeHead(status, headers).end(text);
};
const folder = (): string => {
  const dir = mkdtempSync(join(tmpdir(), "longshore-token-"));
  ends.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
};
const textOf = async (request: IncomingMessage): Promise<string> => {
  let text = "";
  for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString();
  return text;
};
const ONE = '{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}';

describe("what a server may answer to a check", () => {
  it.each([
    { when: "an HTML page", status: 200, text: "<html>secret</html>", says: /no answer of a Prometheus/ },
    { when: "JSON of something else", status: 200, text: '{"ok":true}', says: /no answer of a Prometheus/ },
    { when: "JSON that is no object", status: 200, text: "[1]", says: /no answer of a Prometheus/ },
    { when: "nothing", status: 200, text: "", says: /no answer of a Prometheus/ },
    { when: "an error page", status: 500, text: "secret", says: /answers 500/ },
    { when: "a gateway's refusal", status: 503, text: "secret", says: /answers 503/ },
    { when: "a missing page", status: 404, text: "secret", says: /404.*prometheusUrl/ },
    { when: "a refusal of us", status: 401, text: "secret", says: /401.*prometheusTokenFile/ },
    { when: "a refusal of us", status: 403, text: "secret", says: /403.*prometheusTokenFile/ },
    {
      when: "an error of Prometheus",
      status: 503,
      text: '{"status":"error","errorType":"timeout","error":"query timed out"}',
      says: /refuses the query: timeout: query timed out$/,
    },
    {
      when: "an error without words",
      status: 400,
      text: '{"status":"error","error":{}}',
      says: /without a reason/,
    },
  ])("is no number: $status and $when", async ({ status, text, says }) => {
    const measured = await createMetrics({ url: await serve(saying(status, text)) }).query("1", never);
    expect(measured).toEqual({ error: expect.stringMatching(says) });
    expect(JSON.stringify(measured)).not.toContain("secret");
  });

  it("is no longer than what a message should quote", () => {
    const text = JSON.stringify({ status: "error", errorType: "bad_data", error: "x".repeat(100_000) });
    expect(JSON.stringify(measuredOf({ status: 400, text })).length).toBeLessThan(400);
  });

  it.each([
    { data: { resultType: "scalar", result: [1, "1.5"] }, want: { value: 1.5 } },
    { data: { resultType: "vector", result: [{ metric: {}, value: [1, "2e-3"] }] }, want: { value: 0.002 } },
    { data: { resultType: "scalar", result: [1, 5] } },
    { data: { resultType: "scalar", result: [1, ""] } },
    { data: { resultType: "scalar", result: [1] } },
    { data: { resultType: "scalar", result: "12" } },
    { data: { resultType: "scalar", result: [1, "+Inf"] } },
    { data: { resultType: "scalar", result: [1, "many"] } },
    { data: { resultType: "vector", result: {} } },
    { data: { resultType: "vector", result: [null] } },
    { data: { resultType: "vector", result: [{ metric: {}, histogram: [1, { count: "4" }] }] } },
    { data: { resultType: "streams", result: [] } },
    { data: null },
    {},
  ])("is read with care: %j", ({ want, ...body }) => {
    const measured = measuredOf({ status: 200, text: JSON.stringify({ status: "success", ...body }) });
    expect(measured).toEqual(want ?? { error: expect.any(String) });
  });

  it("is not where a redirect leads to: a checker of metrics is no way into the network", async () => {
    const visited: string[] = [];
    const inside = await serve((request, response) => {
      visited.push(request.url ?? "");
      response.end(ONE);
    });
    for (const status of [301, 302, 307, 308]) {
      const url = await serve(saying(status, "", { location: `${inside}/admin` }));
      const measured = await createMetrics({ url }).query("1", never);
      expect(measured).toEqual({ error: expect.stringMatching(/redirect.*not followed/) });
    }
    expect(visited).toEqual([]);
  });

  it("is cut off when it never ends, however fast it comes", async () => {
    let isOpen = true;
    const url = await serve((_, response) => {
      response.once("close", () => (isOpen = false));
      const more = (): void => {
        while (isOpen && response.write("9".repeat(65_536)));
        if (isOpen) response.once("drain", more);
      };
      more();
    });
    const measured = await createMetrics({ url }).query("1", never);
    expect(measured).toEqual({ error: expect.stringMatching(/longer than 1048576 bytes/) });
  });

  const silent: RequestListener = () => undefined;
  const dripping: RequestListener = (_, response) => {
    const timer = setInterval(() => response.write(" "), 20);
    response.once("close", () => clearInterval(timer));
  };
  it.each([
    { when: "nothing is said", handler: silent },
    { when: "it comes drop by drop", handler: dripping },
  ])("is waited for no longer than configured when $when", async ({ handler }) => {
    const metrics = createMetrics({ url: await serve(handler), timeoutMs: 300 });
    expect(await metrics.query("1", never)).toEqual({ error: expect.stringMatching(/not.*within 0.3 s/) });
  });

  it("is nothing when a connection breaks off, or there is none", async () => {
    const broken = await serve((_, response) => {
      response.writeHead(200, { "content-length": "1000" }).write("{");
      setImmediate(() => response.destroy());
    });
    const gone = await serve(saying(200, ONE));
    ends.pop()?.();
    for (const url of [broken, gone]) {
      const measured = await createMetrics({ url }).query("1", never);
      expect(measured).toEqual({ error: expect.stringMatching(/cannot be reached \(ECONN/) });
    }
  });
});

describe("how a check is asked", () => {
  it("is not at all without an address", async () => {
    const measured = await createMetrics({ url: "" }).query("1", never);
    expect(measured).toEqual({ error: expect.stringContaining("controllers.rollouts.prometheusUrl") });
  });

  it("sends the query as a form, which no character of it can break out of", async () => {
    const query = 'sum(x{a="&time=0#\r\nHost: evil"})';
    const seen: unknown[] = [];
    const url = await serve((request, response) => {
      void textOf(request).then((text) => {
        seen.push(request.method, request.url, Object.fromEntries(new URLSearchParams(text)));
        response.end(ONE);
      });
    });
    await createMetrics({ url: `${url}/base/`, timeoutMs: 2500 }).query(query, never);
    expect(seen).toEqual(["POST", "/base/api/v1/query", { query, timeout: "3s" }]);
  });

  it("rejects when the caller gives up, before and while it waits", async () => {
    const metrics = createMetrics({ url: await serve(() => caller.abort(new Error("stopped"))) });
    const caller = new AbortController();
    await expect(metrics.query("1", caller.signal)).rejects.toThrow("stopped");
    await expect(metrics.query("1", caller.signal)).rejects.toThrow("stopped");
  });

  it("shows a token over https, the new one as soon as the file has it", async () => {
    const ca = await createTestCa();
    const shown: (string | undefined)[] = [];
    const handler: RequestListener = (request, response) => {
      shown.push(request.headers.authorization);
      response.end(ONE);
    };
    const port = await listen(createSecureServer(await ca.server(), handler));
    const dir = folder();
    const [caFile, tokenFile] = [join(dir, "ca"), join(dir, "token")];
    writeFileSync(caFile, ca.cert);
    const metrics = createMetrics({ url: `https://127.0.0.1:${port}`, caFile, tokenFile });
    for (const token of ["first", "second"]) {
      writeFileSync(tokenFile, `${token}\n`);
      expect(await metrics.query("1", never)).toEqual({ value: 1 });
    }
    expect(shown).toEqual(["Bearer first", "Bearer second"]);
  });

  it.each([
    { when: "http would show the token to everyone", token: "t0ken", says: /https only/ },
    { when: "the file is missing", says: /prometheusTokenFile cannot be read: ENOENT/ },
    { when: "the file is empty", token: " \n", secure: true, says: /holds no token/ },
    { when: "the token would be two headers", token: "t0ken\r\nx: y", secure: true, says: /holds no token/ },
  ])("asks nobody when $when, and tells no token", async ({ token, secure, says }) => {
    let isAsked = false;
    const url = await serve((_, response) => {
      isAsked = true;
      response.end(ONE);
    });
    const tokenFile = join(folder(), "token");
    if (token !== undefined) writeFileSync(tokenFile, token);
    const given = secure === true ? url.replace("http:", "https:") : url;
    const measured = await createMetrics({ url: given, tokenFile }).query("1", never);
    expect(measured).toEqual({ error: expect.stringMatching(says) });
    expect(JSON.stringify(measured)).not.toContain("t0ken");
    expect(isAsked).toBe(false);
  });
});
