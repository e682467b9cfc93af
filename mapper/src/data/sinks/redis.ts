// SPDX-License-Identifier: Apache-2.0
import type { ChainableCommander, Redis } from "ioredis";
import {
  SinkError,
  type Delivery,
  type RedisTarget,
  type Sample,
  type Secrets,
  type Sink,
  type SinkErrorCode,
} from "../port.ts";
import { asUnreachable } from "./failure.ts";
import { createSession } from "./session.ts";
import { readTls, serverNameOf } from "./tls.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** How long a server may take to hear that the connection ends. */
const DISCONNECT_TIMEOUT_MS = 100;

/** The record that KubeEdge's mappers keep, in their order of fields; the time is in milliseconds. */
export const memberOf = ({ namespace, device, property, type, text, atMs }: Sample): string =>
  JSON.stringify({
    ...{ DeviceName: device, PropertyName: property, Namespace: namespace },
    ...{ Value: text, Type: type, TimeStamp: Math.trunc(atMs) },
  });

interface Line {
  readonly redis: Redis;
  /** Why the connection ended: a command only learns that it did. */
  failure: Error | undefined;
}

/**
 * Adds samples to the sorted set with their device's name, by time; a batch is one transaction. The same sample twice
 * is there once, so what a lost answer left open may be sent again.
 */
export function createRedisSink(target: RedisTarget, secrets: Secrets): Sink<RedisTarget> {
  const session = createSession<Line>({
    make: () => start(target, secrets),
    connect: (line) => failing(line, () => connect(line.redis, target.db)),
    cut: ({ redis }) => redis.disconnect(),
  });
  return {
    send: (batch, signal) => session.use(signal, (line) => failing(line, () => add(line.redis, batch))),
    close: () => session.close(),
  };
}

async function start({ endpoint }: RedisTarget, secrets: Secrets): Promise<Line> {
  const [username, password, tls] = await Promise.all([
    secrets.read("redis", endpoint, "username"),
    secrets.read("redis", endpoint, "password"),
    readTls(secrets, "redis", endpoint),
  ]);
  const { default: ioredis } = await import("ioredis"); // in a bundle all that it exports is there
  const options = {
    ...{ host: endpoint.host, port: endpoint.port, protocol: 2 as const },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: { ...serverNameOf(endpoint), ...tls } }),
    // Another attempt is the connection's affair, which keeps what was not taken.
    ...{ lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0, enableOfflineQueue: false },
    ...{ enableReadyCheck: false, disableClientInfo: true, autoResendUnfulfilledCommands: false },
    ...{ connectTimeout: CONNECT_TIMEOUT_MS, disconnectTimeout: DISCONNECT_TIMEOUT_MS },
  };
  const line: Line = { redis: new ioredis.Redis(options), failure: undefined };
  line.redis.on("error", (error) => (line.failure = error));
  return line;
}

/** The library would go on in database 0 when the one that is asked for is not there. */
async function connect(redis: Redis, db: number): Promise<void> {
  await redis.connect();
  await redis.select(db);
}

async function add(redis: Redis, batch: readonly Delivery<RedisTarget>[]): Promise<void> {
  let transaction: ChainableCommander = redis.multi();
  for (const { sample } of batch)
    transaction = transaction.zadd(sample.device, Math.trunc(sample.atMs), memberOf(sample));
  const results = await transaction.exec();
  if (results === null) throw new SinkError("UNAVAILABLE", "the transaction was given up");
  const failed = results.find(([error]) => error !== null);
  if (failed?.[0]) throw failed[0];
}

async function failing(line: Line, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw failureOf(isReply(error) ? error : (line.failure ?? error));
  }
}

const isReply = (error: unknown): error is Error => error instanceof Error && error.name === "ReplyError";

/** By the first word of Redis's answer; the rest may tell names. */
const CODES: Readonly<Record<string, SinkErrorCode>> = {
  ...{ NOAUTH: "UNAUTHORIZED", WRONGPASS: "UNAUTHORIZED", NOPERM: "UNAUTHORIZED" },
  /** a key of another kind has the device's name */
  WRONGTYPE: "REFUSED",
};

function failureOf(error: unknown): SinkError {
  if (!isReply(error)) return asUnreachable(error);
  const word = /^[A-Z]+/.exec(rootOf(error).message)?.[0] ?? "an error";
  const isPassword = word === "ERR" && /password|AUTH/.test(error.message);
  const code = isPassword ? "UNAUTHORIZED" : (CODES[word] ?? "UNAVAILABLE");
  return new SinkError(code, `Redis answered ${word}`, { cause: error });
}

/** A transaction that was given up tells the error of the command that was at fault. */
const rootOf = (error: Error & { readonly previousErrors?: readonly Error[] }): Error =>
  error.previousErrors?.[0] ?? error;
