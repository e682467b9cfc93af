// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { KubeConfig } from "@kubernetes/client-node";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Readable } from "node:stream";
import { Registry } from "prom-client";
import fc from "fast-check";
import { createClient, type ClientDeps, type KubeClient } from "../../../src/runtime/api/create-client.ts";
import { splitLines } from "../../../src/runtime/api/line-splitter.ts";
import { objectPath } from "../../../src/runtime/api/resource-path.ts";
import type { ApiError } from "../../../src/runtime/errors.ts";
import { CONFIG_MAPS, NODES, configMap } from "../kinds.ts";

type Handler = (request: IncomingMessage & { text: string }, response: ServerResponse) => void;
const ends: (() => Promise<unknown>)[] = [];
afterEach(() => Promise.all(ends.splice(0).map((end) => end())));

async function serve(handler: Handler, more: Partial<ClientDeps> = {}): Promise<KubeClient> {
  const server: Server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => handler(Object.assign(request, { text }), response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const kubeConfig = new KubeConfig();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  kubeConfig.loadFromClusterAndUser(
    { name: "c", server: url, skipTLSVerify: true },
    { name: "u", token: "t0k3n" },
  );
  const client = createClient({ kubeConfig, userAgent: "longshore-test/1", ...more });
  ends.push(async () => {
    await client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return client;
}
const json = (
  response: ServerResponse,
  code: number,
  body: object,
  headers: Record<string, string> = {},
): void =>
  void response.writeHead(code, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
const failure = (call: Promise<unknown>): Promise<ApiError> =>
  call.then(
    () => Promise.reject(new Error("succeeded")),
    (error: unknown) => error as ApiError,
  );
const NAME = { namespace: "ns", name: "a" };

describe("the client", () => {
  it("says who it is, validates strictly and applies by force", async () => {
    const seen: string[] = [];
    const client = await serve((request, response) => {
      seen.push(`${request.method ?? ""} ${request.url ?? ""} ${request.headers["content-type"] ?? ""}`);
      expect(request.headers["user-agent"]).toBe("longshore-test/1");
      expect(request.headers.authorization).toBe("Bearer t0k3n");
      json(response, 200, JSON.parse(request.text) as object);
    });
    await client.create(CONFIG_MAPS, configMap("ns", "a"));
    await client.apply(CONFIG_MAPS, configMap("ns", "a"), { fieldManager: "m" });
    await client.patch(CONFIG_MAPS, NAME, { type: "strategic", body: "{}" }, { subresource: "status" });
    await client.update(CONFIG_MAPS, configMap("ns", "a"), { dryRun: true });
    const path = "/api/v1/namespaces/ns/configmaps";
    expect(seen).toEqual([
      `POST ${path}?fieldValidation=Strict application/json`,
      `PATCH ${path}/a?fieldValidation=Strict&fieldManager=m&force=true application/apply-patch+yaml`,
      `PATCH ${path}/a/status?fieldValidation=Strict application/strategic-merge-patch+json`,
      `PUT ${path}/a?fieldValidation=Strict&dryRun=All application/json`,
    ]);
  });

  it("deletes what matches with one call, and nothing without a selector", async () => {
    const seen: string[] = [];
    const client = await serve((request, response) => {
      seen.push(`${request.method ?? ""} ${decodeURIComponent(request.url ?? "")}`);
      json(response, 200, {});
    });
    await client.deleteCollection(CONFIG_MAPS, { namespace: "ns", labelSelector: "a=b" });
    expect(await failure(client.deleteCollection(CONFIG_MAPS, { labelSelector: "" }))).toMatchObject({
      name: "TerminalError",
    });
    expect(seen).toEqual(["DELETE /api/v1/namespaces/ns/configmaps?labelSelector=a=b"]);
  });

  it.each([
    {
      when: "a Status says",
      code: 409,
      body: '{"kind":"Status","code":409,"reason":"AlreadyExists","message":"m"}',
      want: "AlreadyExists",
    },
    { when: "a proxy answers plain text", code: 503, body: "upstream sick", want: "ServiceUnavailable" },
    { when: "nothing is said", code: 404, body: "", want: "NotFound" },
    { when: "the body is garbage", code: 418, body: "[1]", want: "Unknown" },
  ])("throws ApiError $want when $when", async ({ code, body, want }) => {
    const client = await serve((_, response) => response.writeHead(code).end(body));
    const error = await failure(client.get(CONFIG_MAPS, NAME));
    expect(error).toMatchObject({ name: "ApiError", code, reason: want, retryable: code >= 500 });
  });

  it("R28 waits as told by Retry-After and tries again, but not beyond its timeout", async () => {
    let calls = 0;
    const client = await serve((_, response) =>
      ++calls < 2 ? json(response, 429, {}, { "retry-after": "1" }) : json(response, 200, { metadata: NAME }),
    );
    await client.get(CONFIG_MAPS, NAME);
    expect(calls).toBe(2);
    const busy = await serve((_, response) => json(response, 429, {}, { "retry-after": "3600" }));
    const startedAtMs = performance.now();
    expect(await failure(busy.get(CONFIG_MAPS, NAME))).toMatchObject({ code: 429, retryable: true });
    expect(performance.now() - startedAtMs).toBeLessThan(8_000);
  });

  it("answers with code 0 when there is no answer in time, none at all, or the caller gave up", async () => {
    const client = await serve(() => undefined);
    expect(await failure(client.get(CONFIG_MAPS, NAME, { timeoutMs: 50 }))).toMatchObject({
      code: 0,
      reason: "Timeout",
    });
    const signal = AbortSignal.abort();
    expect(await failure(client.get(CONFIG_MAPS, NAME, { signal }))).toMatchObject({
      code: 0,
      reason: "Aborted",
    });
    const cut = await serve((request) => request.socket.destroy());
    expect(await failure(cut.get(CONFIG_MAPS, NAME))).toMatchObject({
      code: 0,
      reason: "ConnectionFailed",
      retryable: true,
    });
  });

  it.each([
    { does: "reads", call: (c: KubeClient) => c.get(CONFIG_MAPS, NAME), want: "answered", sent: 2 },
    { does: "lists", call: (c: KubeClient) => c.list(CONFIG_MAPS), want: "answered", sent: 2 },
    { does: "creates", call: (c: KubeClient) => c.create(CONFIG_MAPS, configMap("ns", "a")), sent: 1 },
    { does: "replaces", call: (c: KubeClient) => c.update(CONFIG_MAPS, configMap("ns", "a")), sent: 1 },
    { does: "deletes", call: (c: KubeClient) => c.delete(CONFIG_MAPS, NAME), sent: 1 },
  ])("R29 when kept connections are dead it $does: sent $sent×", async ({ call, want, sent }) => {
    // Several kept connections, which all break at their next use: a second try on one of them would fail too.
    const used = new Set<Socket>();
    const seen: ServerResponse[] = [];
    let isPrepared = false;
    let requests = 0;
    const handler: Handler = (request, response) => {
      if (isPrepared) {
        requests++;
        if (used.has(request.socket)) request.socket.resetAndDestroy();
        else json(response, 200, { metadata: NAME, items: [] });
        return;
      }
      used.add(request.socket);
      seen.push(response);
      if (seen.length === 5) for (const each of seen) json(each, 200, { metadata: NAME });
    };
    const client = await serve(handler, { maxConnections: 5 });
    await Promise.all(Array.from({ length: 5 }, () => client.get(CONFIG_MAPS, NAME)));
    isPrepared = true;
    const result = await call(client).then(
      () => "answered",
      (error: unknown) => (error as ApiError).reason,
    );
    expect({ result, requests, kept: used.size }).toEqual({
      result: want ?? "ConnectionFailed",
      requests: sent,
      kept: 5,
    });
  });

  it("R29 does not read a third time when the new connection breaks too, and counts both", async () => {
    const registry = new Registry();
    const client = await serve((request) => request.socket.resetAndDestroy(), { registry });
    expect(await failure(client.get(CONFIG_MAPS, NAME))).toMatchObject({ reason: "ConnectionFailed" });
    expect(await registry.metrics()).toMatch(
      /rest_client_requests_total\{code="<error>",method="GET",host="[^"]+"\} 2/,
    );
  });

  it("opens a connection of its own for each watch", async () => {
    const sockets = new Set<Socket>();
    const client = await serve((request, response) => {
      sockets.add(request.socket);
      response.writeHead(200).end();
    });
    const { signal } = new AbortController();
    let opened = 0;
    for (let i = 0; i < 3; i++) {
      const events = client.watch(CONFIG_MAPS, {
        resourceVersion: "1",
        timeoutSeconds: 1,
        signal,
        opened: () => {
          opened++;
        },
      });
      for await (const event of events) expect(event).toBeUndefined();
    }
    expect({ sockets: sockets.size, opened }).toEqual({ sockets: 3, opened: 3 });
  });

  it("leaves no listener on a signal that lives long", async () => {
    const client = await serve((_, response) => json(response, 200, { metadata: NAME }));
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...a: Parameters<typeof add>) => {
      listeners++;
      add(...a);
    };
    signal.removeEventListener = (...a: Parameters<typeof remove>) => {
      listeners--;
      remove(...a);
    };
    for (let i = 0; i < 20; i++) await client.get(CONFIG_MAPS, NAME, { signal });
    expect(listeners).toBe(0);
  });

  it("counts calls by code, method and host", async () => {
    const registry = new Registry();
    const client = await serve((_, response) => json(response, 404, {}), { registry });
    await failure(client.delete(CONFIG_MAPS, NAME));
    await failure(client.get(CONFIG_MAPS, NAME, { signal: AbortSignal.abort() }));
    const text = await registry.metrics();
    expect(text).toMatch(
      /rest_client_requests_total\{code="404",method="DELETE",host="127\.0\.0\.1:\d+"\} 1/,
    );
    expect(text).toMatch(/rest_client_requests_total\{code="<error>",method="GET",host="[^"]+"\} 1/);
  });

  it("bounds an answer", async () => {
    const client = await serve((_, response) => json(response, 200, { text: "x".repeat(5000) }), {
      maxResponseBytes: 1000,
    });
    expect(await failure(client.get(CONFIG_MAPS, NAME))).toMatchObject({ code: 0 });
  });
});

describe("paths of objects", () => {
  it.each([
    [NODES, { name: "n" }, "/api/v1/nodes/n"],
    [CONFIG_MAPS, NAME, "/api/v1/namespaces/ns/configmaps/a"],
    [
      { ...CONFIG_MAPS, group: "devices.kubeedge.io", version: "v1beta1", plural: "devices" },
      NAME,
      "/apis/devices.kubeedge.io/v1beta1/namespaces/ns/devices/a",
    ],
  ])("follow the API", (resource, name, want) => {
    expect(objectPath(resource, name)).toBe(want);
  });

  it.each(["", ".", "..", "a/b", "../../nodes/x", "%2e%2e"])("refuse the name %j", (name) => {
    expect(() => objectPath(CONFIG_MAPS, { namespace: "ns", name })).toThrow(/no part of an object's path/);
  });

  it("refuse a namespaced kind without a namespace", () => {
    expect(() => objectPath(CONFIG_MAPS, { name: "a" })).toThrow(/is namespaced/);
  });
});

describe("lines of a watch", () => {
  it("are the same however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ minLength: 1, unit: "grapheme" }).filter((s) => !s.includes("\n"))),
        fc.integer({ min: 1, max: 9 }),
        async (lines, size) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
          const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
            bytes.subarray(i * size, (i + 1) * size),
          );
          const got: string[] = [];
          for await (const line of splitLines(Readable.from(chunks), 1000)) got.push(line);
          expect(got).toEqual(lines);
        },
      ),
    );
  });

  it("are refused when they are too long", async () => {
    const chunks = [Buffer.alloc(600, "x"), Buffer.alloc(600, "x")];
    const read = async (): Promise<void> => {
      for await (const line of splitLines(Readable.from(chunks), 1000)) expect(line).toBe("");
    };
    await expect(read()).rejects.toThrow(RangeError);
  });
});
