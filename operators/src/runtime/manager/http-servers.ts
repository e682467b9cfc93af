// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Registry } from "prom-client";
import type { Log } from "../log.ts";
import type { HealthChecks } from "./health.ts";

export interface ListenOptions {
  /** Default all addresses. */
  readonly bindAddress?: string;
  /** 0 picks a free one. */
  readonly port: number;
}

export interface HttpListener {
  readonly port: number;
  close(): Promise<void>;
}

type Answer = { readonly code: number; readonly text: string; readonly type?: string };
type Handler = (url: URL) => Promise<Answer>;

const NOT_FOUND: Answer = { code: 404, text: "404 page not found\n" };

/** `/healthz`, `/livez` (the same) and `/readyz`, each with `/<check>`, `?exclude=` and `?verbose`. */
export function listenProbes(
  o: ListenOptions,
  checks: { health: HealthChecks; ready: HealthChecks },
  log: Log,
): Promise<HttpListener> {
  const byPath: Readonly<Record<string, HealthChecks>> = {
    healthz: checks.health,
    livez: checks.health,
    readyz: checks.ready,
  };
  return listen(o, log, async ({ pathname, searchParams }) => {
    const [path = "", only] = pathname.slice(1).split("/");
    const set = byPath[path];
    if (set === undefined || (only !== undefined && !set.has(only))) return NOT_FOUND;
    const report = await set.run({
      exclude: new Set(searchParams.getAll("exclude")),
      verbose: searchParams.has("verbose"),
      ...(only !== undefined && { only }),
    });
    if (!report.healthy) log.warn({ path, failures: report.failures }, "health check failed");
    return { code: report.healthy ? 200 : 500, text: report.text };
  });
}

/** `/metrics` in the text format of Prometheus. */
export function listenMetrics(
  o: ListenOptions,
  registries: () => readonly Registry[],
  log: Log,
): Promise<HttpListener> {
  return listen(o, log, async ({ pathname }) => {
    if (pathname !== "/metrics") return NOT_FOUND;
    const all = Registry.merge([...registries()]);
    return { code: 200, text: await all.metrics(), type: all.contentType };
  });
}

function listen(o: ListenOptions, log: Log, handle: Handler): Promise<HttpListener> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5000 }, (request, response) => {
    void answer(request, response, handle, log);
  });
  server.maxConnections = 64;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(o.port, o.bindAddress, () => {
      resolve({ port: (server.address() as AddressInfo).port, close: () => close(server) });
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handle: Handler,
  log: Log,
): Promise<void> {
  request.resume();
  let result: Answer;
  try {
    const isRead = request.method === "GET" || request.method === "HEAD";
    result = isRead ? await handle(new URL(request.url ?? "/", "http://localhost")) : { code: 405, text: "" };
  } catch (error) {
    log.error({ err: error }, "probe or metrics request failed");
    result = { code: 500, text: "internal error\n" };
  }
  response
    .writeHead(result.code, { "content-type": result.type ?? "text/plain; charset=utf-8" })
    .end(result.text);
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
