// SPDX-License-Identifier: Apache-2.0

/** No hub may silence an agent for longer than this. */
const MAX_RETRY_AFTER_MS = 300_000;

function clamp(ms: number): number | undefined {
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : undefined;
}

/** Reads the reason of a 4503 close: `retryAfter=<seconds>`, `retryAfterMs=<milliseconds>`, or the same as JSON. */
export function retryAfterOfClose(reason: string): number | undefined {
  const match = /retryAfter(Ms)?"?\s{0,2}[=:]\s{0,2}"?(\d{1,9}(?:\.\d{1,6})?)/.exec(reason.slice(0, 123));
  return match ? clamp(Number(match[2]) * (match[1] ? 1 : 1000)) : undefined;
}

/** Reads the header of an HTTP answer, in seconds; dates are ignored, clocks may differ by years. */
export function retryAfterOfHeader(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,6}$/.test(value) ? clamp(Number(value) * 1000) : undefined;
}
