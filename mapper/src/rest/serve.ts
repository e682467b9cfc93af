// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { reasonOf } from "../errors.ts";
import type { MapperLog } from "../log.ts";
import { answerTo, jsonAnswer, type Answer, type Sources } from "./answer.ts";
import { turnedAway } from "./gate.ts";
import { routeOf } from "./route.ts";

export interface RestLimits {
  /** Default 32. */
  readonly maxConnections: number;
  /** Requests that are being answered; one more gets 503. Default 32. */
  readonly maxRequests: number;
  /** For a whole request to arrive. Default 10 s. */
  readonly requestTimeoutMs: number;
  /** For a connection on which nothing goes either way, not even an answer. Longer than any answer takes. Default 1 min. */
  readonly idleTimeoutMs: number;
  /** Head of a request. Default 8 KiB. */
  readonly maxHeaderBytes: number;
}

export const DEFAULT_REST_LIMITS: RestLimits = {
  maxConnections: 32,
  maxRequests: 32,
  requestTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
  maxHeaderBytes: 8 * 1024,
};

/** It listens. */
export interface RestServer {
  readonly port: number;
  /** Resolves when the last answer is out, after `graceMs` at most. */
  readonly close: () => Promise<void>;
}

const CLOSE_GRACE_MS = 2_000;
const CORRELATION = "x-correlation-id";
const SAFE_TEXT = /^[\w.:-]{1,128}$/;

/** @throws {Error} EADDRINUSE and the like */
export async function serveRest(
  { host, port }: { readonly host: string; readonly port: number },
  sources: Sources,
  log: MapperLog,
  given: Partial<RestLimits> = {},
): Promise<RestServer> {
  const limits = { ...DEFAULT_REST_LIMITS, ...given };
  // Imported by name it would cost 4 MB, for that makes all that it exports, a WebSocket client too.
  const { createServer } = process.getBuiltinModule("node:http");
  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    requestTimeout: limits.requestTimeoutMs,
    headersTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: 1_000,
  });
  server.maxConnections = limits.maxConnections;
  server.timeout = limits.idleTimeoutMs; // who takes no answers does not keep a connection
  let running = 0;
  server.on("request", (request, response) => {
    request.resume(); // a body says nothing here
    running++;
    const isFull = running > limits.maxRequests;
    void answer(request, response, { sources, log, host, isFull }).finally(() => running--);
  });
  await listening(server, host, port);
  server.on("error", (error) => log.warn({ reason: reasonOf(error) }, "a connection cannot be taken"));
  return { port: portOf(server), close: () => closing(server) };
}

interface Context {
  readonly sources: Sources;
  readonly log: MapperLog;
  readonly host: string;
  readonly isFull: boolean;
}

async function answer(request: IncomingMessage, response: ServerResponse, context: Context): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const { status, type, body } = await judged(request, context, gone.signal).catch((error: unknown) => {
    context.log.error({ reason: reasonOf(error) }, "a fault of the mapper itself");
    return jsonAnswer(500, { Message: "a fault of the mapper itself" }, context.sources.nowMs());
  });
  const correlation = request.headers[CORRELATION];
  const echoed = typeof correlation === "string" && SAFE_TEXT.test(correlation);
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(echoed && { [CORRELATION]: correlation }),
  });
  response.end(body);
}

async function judged(
  { method = "", url = "", headers }: IncomingMessage,
  { sources, host, isFull }: Context,
  signal: AbortSignal,
): Promise<Answer> {
  const refuse = (status: number, Message: string): Answer =>
    jsonAnswer(status, { Message }, sources.nowMs());
  const head = {
    ...{ method, host: headers.host, origin: headers.origin },
    fetchSite: oneOf(headers["sec-fetch-site"]),
  };
  const turned = turnedAway(head, host);
  if (turned) return refuse(turned.status, turned.message);
  if (isFull) return refuse(503, "too many requests are being answered: try again");
  const route = routeOf(url.split("?", 1)[0] ?? "");
  if (route === "malformed") return refuse(400, "the path is not well encoded");
  if (route === undefined) return refuse(404, "there is nothing at this path");
  return answerTo(route, sources, signal);
}

const oneOf = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function closing(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
