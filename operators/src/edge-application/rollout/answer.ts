// SPDX-License-Identifier: Apache-2.0
import type { Measured } from "./port.ts";

/** What Prometheus said: its HTTP status and its body. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** As in `/api/v1/query`, as far as it is read; nothing of it is trusted. */
interface Body {
  readonly status?: unknown;
  readonly errorType?: unknown;
  readonly error?: unknown;
  readonly data?: { readonly resultType?: unknown; readonly result?: unknown } | null;
}

const URL_SETTING = "controllers.rollouts.prometheusUrl";
const MAX_QUOTED_CHARS = 300;

/** Why there is no number; says what to change. */
const because = (error: string): Measured => ({ error });

/**
 * The one number that an answer has: a scalar, or a vector of one sample.
 *
 * @see the HTTP API of Prometheus, instant queries
 */
export function measuredOf({ status, text }: Answer): Measured {
  const body = parse(text);
  if (body?.status === "error") return because(refused(body));
  if (status !== 200) return because(notAnswered(status));
  if (body?.status !== "success") return because(`this is no answer of a Prometheus: look at ${URL_SETTING}`);
  return numberOf(body.data?.resultType, body.data?.result);
}

function parse(text: string): Body | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? body : undefined;
  } catch {
    return undefined; // a page of something else; never quoted
  }
}

function refused({ errorType, error }: Body): string {
  const type = typeof errorType === "string" ? errorType.slice(0, 40) : "error";
  const words = typeof error === "string" ? error.slice(0, MAX_QUOTED_CHARS) : "without a reason";
  return `Prometheus refuses the query: ${type}: ${words}`;
}

function notAnswered(status: number): string {
  if (status === 401 || status === 403)
    return `Prometheus refuses us with ${status}: look at controllers.rollouts.prometheusTokenFile`;
  if (status >= 300 && status < 400)
    return `the answer is a redirect (${status}), which is not followed: set ${URL_SETTING} to where it leads`;
  if (status === 404) return `nothing answers queries there (404): look at ${URL_SETTING}`;
  return `Prometheus answers ${status}: look at its log`;
}

function numberOf(type: unknown, result: unknown): Measured {
  if (type === "scalar") return sampleOf(result);
  if (type === "vector" && Array.isArray(result)) return oneOf(result);
  if (type === "matrix")
    return because("the query gives a range of values: wrap it, for example in avg_over_time(…)");
  if (type === "string") return because("the query gives a text: let it give a number");
  return because(`this is no answer of a Prometheus: look at ${URL_SETTING}`);
}

function oneOf(samples: readonly unknown[]): Measured {
  if (samples.length === 0)
    return because(
      "the query finds nothing: look at its names and labels, or append `or vector(0)` where nothing means 0",
    );
  if (samples.length > 1)
    return because(
      `the query gives ${samples.length} values: make one of them, for example with sum(…) or max(…)`,
    );
  const sample = samples[0] as { readonly value?: unknown; readonly histogram?: unknown } | null;
  if (sample?.histogram !== undefined)
    return because("the query gives a histogram: wrap it, for example in histogram_quantile(0.99, …)");
  return sampleOf(sample?.value);
}

/** `[<seconds>, "<number>"]` */
function sampleOf(pair: unknown): Measured {
  const text: unknown = Array.isArray(pair) ? pair[1] : undefined;
  if (typeof text !== "string" || text.trim() === "")
    return because(`this is no answer of a Prometheus: look at ${URL_SETTING}`);
  const value = Number(text);
  if (Number.isFinite(value)) return { value };
  return because(
    `the query gives ${text.slice(0, 40)}: keep it from dividing by 0, for example with \`a / (b > 0) or vector(0)\``,
  );
}
