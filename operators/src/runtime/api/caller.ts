// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { Readable } from "node:stream";
import { request, type Dispatcher } from "undici";
import { ApiError } from "../errors.ts";
import { errorOfResponse, noAnswer } from "./api-status.ts";
import type { ClientMetrics } from "./client-metrics.ts";
import type { Transport, Use } from "./transport.ts";

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** JSON text */
  readonly body?: string;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Speaks HTTP with the API server and knows nothing of objects. */
export interface Caller {
  /** @returns the answer's text; @throws {ApiError} */
  call(call: Call): Promise<string>;
  /** Opens a watch. `timeoutMs` bounds the time to the answer's headers. @throws {ApiError} */
  stream(call: Call): Promise<Readable>;
}

export interface CallerDeps {
  readonly transport: Transport;
  readonly userAgent: string;
  readonly metrics?: ClientMetrics | undefined;
  /** How often a call answered with Retry-After is sent again, within its timeout; default 3. */
  readonly maxThrottleRetries?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

export function createCaller(deps: CallerDeps): Caller {
  const maxRetries = deps.maxThrottleRetries ?? 3;

  const callOn = async (use: Use, call: Call, signal: AbortSignal): Promise<string> => {
    const answer = await send(deps, use, call, signal);
    const text = await answer.body.text();
    if (answer.statusCode < 300) return text;
    throw errorOfResponse(answer.statusCode, text, header(answer, "retry-after"));
  };
  const callOnce = (call: Call, signal: AbortSignal): Promise<string> =>
    callOn("call", call, signal).catch((error: unknown) => {
      if (!mayRepeat(call, error)) throw error;
      return callOn("fresh", call, signal);
    });

  const callWithRetries = async (call: Call, deadline: Deadline): Promise<string> => {
    for (let retries = 0; ; retries++) {
      try {
        return await callOnce(call, deadline.signal);
      } catch (error) {
        const waitMs = throttleMs(error);
        if (waitMs === undefined || retries >= maxRetries || waitMs >= deadline.remainingMs()) throw error;
        await sleep(waitMs, undefined, { signal: deadline.signal });
      }
    }
  };

  return {
    async call(call) {
      const deadline = createDeadline(call);
      try {
        return await callWithRetries(call, deadline);
      } catch (error) {
        throw deadline.explain(error);
      } finally {
        deadline.clear();
      }
    },
    async stream(call) {
      const deadline = createDeadline(call);
      try {
        const answer = await send(deps, "watch", call, deadline.signal);
        if (answer.statusCode < 300) return untilAborted(answer.body, call.signal);
        throw errorOfResponse(answer.statusCode, await answer.body.text(), header(answer, "retry-after"));
      } catch (error) {
        throw deadline.explain(error);
      } finally {
        deadline.clear();
      }
    },
  };
}

/** A kept connection broke, as all do when the server restarts. What only reads is sent once more, on a new one. */
const BROKEN: ReadonlySet<unknown> = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

function mayRepeat(call: Call, error: unknown): boolean {
  if (call.method !== "GET" || typeof error !== "object" || error === null) return false;
  return "code" in error && BROKEN.has(error.code);
}

async function send(
  deps: CallerDeps,
  use: Use,
  call: Call,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const { method } = call;
  const host = deps.transport.host;
  try {
    const route = await deps.transport.route(use);
    const answer = await request(`${route.origin}${route.basePath}${call.path}${queryText(call.query)}`, {
      method,
      dispatcher: route.dispatcher,
      signal,
      headers: { ...headersOf(deps, call), ...route.headers },
      ...(call.body !== undefined && { body: call.body }),
    });
    deps.metrics?.requests.inc({ code: String(answer.statusCode), method, host });
    if (answer.statusCode === 401) deps.transport.forgetCredentials();
    return answer;
  } catch (error) {
    deps.metrics?.requests.inc({ code: "<error>", method, host });
    throw error;
  }
}

const headersOf = (deps: CallerDeps, call: Call): Record<string, string> => ({
  "user-agent": deps.userAgent,
  accept: call.accept ?? "application/json",
  ...(call.body !== undefined && { "content-type": call.contentType ?? "application/json" }),
});

function queryText(query: Call["query"]): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== undefined) parameters.set(key, `${value}`);
  return parameters.size === 0 ? "" : `?${parameters.toString()}`;
}

function header(answer: Dispatcher.ResponseData, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** client-go's rule: 429, and 5xx that name a time. Nothing was done then, so every method may be sent again. */
function throttleMs(error: unknown): number | undefined {
  if (!(error instanceof ApiError) || (error.code !== 429 && error.code < 500)) return undefined;
  const seconds = error.status.details?.retryAfterSeconds;
  if (seconds !== undefined) return Math.max(1, seconds) * 1000;
  return error.code === 429 ? 1000 : undefined;
}

interface Deadline {
  readonly signal: AbortSignal;
  remainingMs(): number;
  explain(error: unknown): ApiError;
  clear(): void;
}

/** The caller's signal and the timeout in one signal, without leaving a listener on a long-lived signal. */
function createDeadline(call: Call): Deadline {
  const timeoutMs = Math.min(call.timeoutMs ?? DEFAULT_TIMEOUT_MS, MAX_TIMER_MS);
  const controller = new AbortController();
  const endsAtMs = performance.now() + timeoutMs;
  let cause: "Timeout" | "Aborted" | undefined;
  const stop = (why: "Timeout" | "Aborted"): void => {
    cause ??= why;
    controller.abort(new Error(why === "Timeout" ? `no answer within ${timeoutMs} ms` : "call aborted"));
  };
  const onAbort = (): void => stop("Aborted");
  const timer = setTimeout(() => stop("Timeout"), timeoutMs);
  if (call.signal?.aborted === true) onAbort();
  else call.signal?.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    remainingMs: () => endsAtMs - performance.now(),
    explain: (error) => (error instanceof ApiError ? error : noAnswer(cause ?? "ConnectionFailed", error)),
    clear() {
      clearTimeout(timer);
      call.signal?.removeEventListener("abort", onAbort);
    },
  };
}

function untilAborted(body: Readable, signal: AbortSignal | undefined): Readable {
  if (signal === undefined) return body;
  const onAbort = (): void => void body.destroy(new Error("watch aborted"));
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  body.once("close", () => signal.removeEventListener("abort", onAbort));
  return body;
}
