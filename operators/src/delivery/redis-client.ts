// SPDX-License-Identifier: Apache-2.0
import { Redis, type RedisOptions } from "ioredis";
import { DeliveryError } from "./errors.ts";

type ClientOptions = Omit<RedisOptions, "replyMapping">;

/** Where Redis is and how it is talked to. Passed to ioredis as it is, for TLS, Sentinel, user and password. */
export interface RedisTarget {
  /** `redis://…`, `rediss://…`, or the path of a unix socket */
  readonly url: string;
  readonly options?: ClientOptions;
}

export interface ClientLimits {
  /** default 5 s: a longer call is given up and fails as UNAVAILABLE */
  readonly commandTimeoutMs?: number;
  /** default 2 s: longest pause between two connection attempts, so that work resumes soon after Redis does */
  readonly maxReconnectDelayMs?: number;
}

const MAX_LOADING_WAIT_MS = 2000;

/**
 * A client for calls that must fail fast: nothing is queued while Redis is away, and no call waits for ever.
 * The caller listens to `error` and ends it.
 */
export function createCallClient(target: RedisTarget, limits: ClientLimits = {}): Redis {
  return new Redis(target.url, {
    ...reconnecting(limits),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: limits.commandTimeoutMs ?? 5000,
    ...target.options,
  });
}

/** A client for BullMQ's Workers, whose blocking reads wait as long as they like. */
export function createWorkerClient(target: RedisTarget, limits: ClientLimits = {}): Redis {
  return new Redis(target.url, { ...reconnecting(limits), ...target.options, maxRetriesPerRequest: null });
}

const reconnecting = (limits: ClientLimits): ClientOptions => ({
  retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), limits.maxReconnectDelayMs ?? 2000),
  maxLoadingRetryTime: MAX_LOADING_WAIT_MS,
  // A replica that was promoted over us: connect anew.
  reconnectOnError: (error) => error.message.startsWith("READONLY"),
});

/**
 * Runs a call to Redis and turns whatever it fails with into DeliveryError UNAVAILABLE. A refusal of Redis itself
 * (out of memory, read-only, loading, no permission) is no different for the caller: nothing can be done but to
 * try later.
 */
export async function orUnavailable<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof DeliveryError) throw error;
    throw new DeliveryError("UNAVAILABLE", "Redis did not do the call", { cause: error });
  }
}
