// SPDX-License-Identifier: Apache-2.0
import { StreamError, type LogOptions } from "@longshore/crds/stream";
import { parseInstant, type Instant } from "./timestamp.ts";

/** What is wanted of a log, judged. */
export interface LogWants {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly since?: Instant;
  readonly limitBytes?: number;
  readonly stream?: "stdout" | "stderr";
}

/** Longer than any clock of Go can tell: 292 years. */
const MAX_SINCE_SECONDS = 9_223_372_036;

function refuse(field: string): never {
  throw new StreamError("BAD_REQUEST", `${field} is out of range`);
}

function count(field: string, value: number | undefined, max = Number.MAX_SAFE_INTEGER): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0 && value <= max)) return value;
  return refuse(field);
}

function sinceOf(options: LogOptions, nowMs: number): Instant | undefined {
  const ago = count("sinceSeconds", options.sinceSeconds, MAX_SINCE_SECONDS);
  if (ago !== undefined) {
    return { seconds: Math.floor(nowMs / 1000) - ago, nanos: Math.floor((nowMs % 1000) * 1e6) };
  }
  if (options.sinceTime === undefined) return undefined;
  return parseInstant(options.sinceTime) ?? refuse("sinceTime");
}

/**
 * Judges what was asked of a log, and makes a moment of "so many seconds ago".
 *
 * @throws {StreamError} BAD_REQUEST
 */
export function readOptions(options: LogOptions, nowMs: number): LogWants {
  const tailLines = count("tailLines", options.tailLines);
  const limitBytes = count("limitBytes", options.limitBytes);
  const since = sinceOf(options, nowMs);
  return {
    follow: options.follow === true,
    timestamps: options.timestamps === true,
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(since === undefined ? {} : { since }),
    ...(options.stream === undefined ? {} : { stream: options.stream }),
  };
}
