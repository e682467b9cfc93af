// SPDX-License-Identifier: Apache-2.0
import type { Readable } from "node:stream";
import { parseStrictJson } from "./json.ts";

/** A body that is not read; `status` is the HTTP status that says so. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly status: 400 | 413 | 415 | 503;
  readonly code: "MALFORMED" | "BODY_SIZE" | "ENCODING" | "BUSY";
  constructor(status: BodyError["status"], code: BodyError["code"], message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface BodyLimits {
  /** One body. */
  readonly maxBytes: number;
  /**
   * Up to here a body needs no permit, and no length told beforehand. The reviews of ordinary objects are smaller,
   * and the API server always tells.
   */
  readonly smallBytes: number;
  /** Larger bodies that are read at a time. */
  readonly permits: number;
  /** Larger bodies that wait for that. */
  readonly maxWaiting: number;
  /** How long one waits before it is refused. */
  readonly waitMs: number;
}

/** The API server never sends more than 3 MiB of object twice; controller-runtime's cap. */
export const BODY_LIMITS: BodyLimits = {
  maxBytes: 7 * 1024 * 1024,
  smallBytes: 64 * 1024,
  permits: 2,
  maxWaiting: 128,
  waitMs: 2_000,
};

/** Headers that are looked at before a byte is read. */
export interface BodyHeaders {
  readonly "content-length"?: string | undefined;
  readonly "content-encoding"?: string | undefined;
}

/**
 * Reads JSON bodies into bounded memory: small ones at once, of larger ones a few at a time. One that waits is not
 * read from its socket meanwhile, so a hundred large bodies cost no more than two.
 */
export function createBodyReader(
  limits: BodyLimits = BODY_LIMITS,
): (stream: Readable, headers: BodyHeaders) => Promise<unknown> {
  const permits = createPermits(limits);
  return async (stream, headers) => {
    requireHeaders(headers, limits);
    const mostBytes = headers["content-length"] === undefined ? limits.smallBytes : limits.maxBytes;
    const chunks: Buffer[] = [];
    let bytes = 0;
    let release: (() => void) | undefined;
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > mostBytes) throw tooLarge(mostBytes);
        chunks.push(chunk);
        if (bytes > limits.smallBytes) release ??= await permits.take();
      }
      return parse(Buffer.concat(chunks));
    } finally {
      release?.();
    }
  };
}

function requireHeaders(headers: BodyHeaders, limits: BodyLimits): void {
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") throw new BodyError(415, "ENCODING", "a review is sent without an encoding");
  if (Number(headers["content-length"] ?? 0) > limits.maxBytes) throw tooLarge(limits.maxBytes);
}

const tooLarge = (mostBytes: number): BodyError =>
  new BodyError(413, "BODY_SIZE", `a review such as this has at most ${mostBytes} bytes`);

function parse(bytes: Buffer): unknown {
  try {
    return parseStrictJson(bytes);
  } catch {
    // the parser's message would repeat what was sent
    throw new BodyError(400, "MALFORMED", "the body is not JSON");
  }
}

interface Permits {
  /** @returns gives it back @throws {BodyError} BUSY */
  take(): Promise<() => void>;
}

function createPermits({ permits, maxWaiting, waitMs }: BodyLimits): Permits {
  let free = permits;
  const waiting: (() => void)[] = [];
  const release = (): void => {
    const next = waiting.shift();
    if (next) next();
    else free++;
  };
  const busy = (): BodyError => new BodyError(503, "BUSY", "too many large reviews at once");
  return {
    take() {
      if (free > 0) {
        free--;
        return Promise.resolve(release);
      }
      if (waiting.length >= maxWaiting) return Promise.reject(busy());
      return new Promise((resolve, reject) => {
        const granted = (): void => {
          clearTimeout(timer);
          resolve(release);
        };
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(granted), 1);
          reject(busy());
        }, waitMs);
        waiting.push(granted);
      });
    },
  };
}
