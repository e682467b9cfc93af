// SPDX-License-Identifier: Apache-2.0
import { readFile } from "node:fs/promises";
import { request as plainRequest, type IncomingMessage } from "node:http";
import { request as secureRequest, type RequestOptions } from "node:https";
import { measuredOf, type Answer } from "./answer.ts";
import type { Measured, Metrics } from "./port.ts";

/** All of it is the operators' configuration: nothing that a user writes decides whom we call. */
export interface MetricsOptions {
  /** Where Prometheus is, with its path prefix if it has one; empty: every query gives an error that says so. */
  readonly url: string;
  /** CA of its certificate, PEM, read anew for each query; empty or absent: those of Node.js. */
  readonly caFile?: string;
  /** Bearer token, read anew for each query; https only. Empty or absent: none. */
  readonly tokenFile?: string;
  /** From connecting to the last byte of the answer; default 10 s. */
  readonly timeoutMs?: number;
  /** Longest answer; default 1 MiB. One number takes some hundred bytes. */
  readonly maxBodyBytes?: number;
}

const DEFAULTS = { timeoutMs: 10_000, maxBodyBytes: 1024 * 1024 } as const;
/** Bytes of a token or a CA bundle; more is a wrong path. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Something of the configuration or of the network is wrong; its message may be shown to users. */
class QueryFault extends Error {
  override readonly name = "QueryFault";
}

/**
 * Asks Prometheus for one number at a time.
 *
 * `query` rejects only when its signal is aborted: a query that was cut off has measured nothing. Everything else that
 * goes wrong is an `error` that says what to change.
 */
export function createMetrics(options: MetricsOptions): Metrics {
  const timeoutMs = options.timeoutMs ?? DEFAULTS.timeoutMs;
  return {
    async query(promql, signal) {
      signal.throwIfAborted();
      if (options.url === "")
        return { error: "no Prometheus is configured: set controllers.rollouts.prometheusUrl" };
      const ended = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      try {
        return measuredOf(await ask(options, promql, ended));
      } catch (error) {
        signal.throwIfAborted();
        return failure(error, ended, timeoutMs);
      }
    },
  };
}

function failure(error: unknown, ended: AbortSignal, timeoutMs: number): Measured {
  if (error instanceof QueryFault) return { error: error.message };
  if (ended.aborted)
    return {
      error: `Prometheus does not answer within ${timeoutMs / 1000} s: simplify the query, or look at controllers.rollouts.prometheusUrl`,
    };
  return {
    error: `Prometheus cannot be reached (${codeOf(error)}): look at controllers.rollouts.prometheusUrl`,
  };
}

/** ECONNREFUSED, CERT_HAS_EXPIRED and the like: a word of Node.js, no text of the other side. */
function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === "string" && code !== "" ? code : "no connection";
}

/** POST, for a query may be longer than an address. A redirect is an answer like any other: nobody follows it. */
async function ask(options: MetricsOptions, promql: string, signal: AbortSignal): Promise<Answer> {
  const url = new URL(options.url);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/api/v1/query`;
  const isSecure = url.protocol === "https:";
  const timeout = `${Math.ceil((options.timeoutMs ?? DEFAULTS.timeoutMs) / 1000)}s`;
  const body = new URLSearchParams({ query: promql, timeout }).toString();
  const ca = isSecure ? await fileOf(options.caFile, "prometheusCaFile") : undefined;
  const how: RequestOptions = {
    method: "POST",
    agent: false, // queries are seconds apart, and Prometheus may have moved since the last one
    signal,
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      "content-length": Buffer.byteLength(body),
      accept: "application/json",
      ...(await credentials(options, isSecure)),
    },
    ...(ca !== undefined && { ca }),
  };
  return await new Promise((resolve, reject) => {
    const call = (isSecure ? secureRequest : plainRequest)(url, how);
    call.on("error", reject);
    call.once("response", (response) => {
      readAnswer(response, options.maxBodyBytes ?? DEFAULTS.maxBodyBytes).then(resolve, reject);
    });
    call.end(body);
  });
}

async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop ends the connection.
    if (bytes > maxBytes)
      throw new QueryFault(
        `the answer is longer than ${maxBytes} bytes: let the query give one number, for example with sum(…)`,
      );
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") };
}

async function credentials(o: MetricsOptions, isSecure: boolean): Promise<Record<string, string>> {
  const text = await fileOf(o.tokenFile, "prometheusTokenFile");
  if (text === undefined) return {};
  if (!isSecure)
    throw new QueryFault(
      "a token is sent over https only: set controllers.rollouts.prometheusUrl to https://…, or prometheusTokenFile to nothing",
    );
  const token = text.trim();
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new QueryFault("controllers.rollouts.prometheusTokenFile holds no token");
  return { authorization: `Bearer ${token}` };
}

async function fileOf(path: string | undefined, setting: string): Promise<string | undefined> {
  if (path === undefined || path === "") return undefined;
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new QueryFault(`controllers.rollouts.${setting} cannot be read: ${codeOf(error)}`);
  });
  if (text.length > MAX_FILE_BYTES)
    throw new QueryFault(`controllers.rollouts.${setting} is longer than ${MAX_FILE_BYTES} bytes`);
  return text;
}
