// SPDX-License-Identifier: Apache-2.0
import { inventoryDigest } from "@longshore/crds/wire";
import type { Redis } from "ioredis";
import type { Registry } from "prom-client";
import { createQueues } from "./bullmq-queues.ts";
import { createPlacementListener, createWaker, createWakeups } from "./bullmq.ts";
import { createHubPresence } from "./hub-presence.ts";
import type { Log } from "./log.ts";
import type { Mailbox, Wakeups } from "./mailbox.ts";
import type { Outbox, Scope } from "./outbox.ts";
import { createCallClient, createWorkerClient, type ClientLimits, type RedisTarget } from "./redis-client.ts";
import { createRedisMailbox } from "./redis-mailbox.ts";
import { createRedisOutbox } from "./redis-outbox.ts";
import { createRedisWatch } from "./redis-watch.ts";

export interface DeliveryOptions {
  readonly redis: RedisTarget;
  readonly limits?: ClientLimits;
  /** Put before every key, so that several installations can share one Redis. default "longshore" */
  readonly prefix?: string;
  readonly log: Log;
  readonly registry: Registry;
}

/** Delivery as the controllers use it. */
export interface ControllerDelivery {
  readonly outbox: Outbox;
  /**
   * Begins to hear placement requests, of hubs and after a change of Redis. For the leader alone.
   * Rejects with UNAVAILABLE while Redis is away: call again.
   */
  start(): Promise<void>;
  /** False while Redis is away. For metrics and conditions, not for readiness. */
  connected(): boolean;
  stop(): Promise<void>;
}

/** Delivery as a hub uses it. */
export interface HubDelivery {
  readonly mailbox: Mailbox;
  /** Its `start` also begins the heartbeat, and rejects with UNAVAILABLE while Redis is away: call again. */
  readonly wakeups: Wakeups;
  /** Redis was replaced: what is recorded as acked may be older than what the edges hold. */
  onReplaced(handler: () => void): void;
  connected(): boolean;
  stop(): Promise<void>;
}

const DEFAULT_PREFIX = "longshore";

/** What both sides have in common: connections, queues and the watch over Redis. */
function connect(options: DeliveryOptions) {
  const { log, registry } = options;
  const prefix = options.prefix ?? DEFAULT_PREFIX;
  const redis = logged(createCallClient(options.redis, options.limits), log);
  const workerRedis = logged(createWorkerClient(options.redis, options.limits), log);
  const queues = createQueues({ redis, prefix, log });
  const watch = createRedisWatch({ redis, prefix, log, registry });
  watch.onReplaced((reason) => {
    if (reason === "replaced") queues.reopen();
  });
  return {
    ...{ log, registry, prefix, redis, workerRedis, queues, watch },
    waker: createWaker(queues),
    connected: () => redis.status === "ready",
    async close() {
      watch.stop();
      await queues.close();
      redis.disconnect();
      workerRedis.disconnect();
    },
  };
}

function logged(redis: Redis, log: Log): Redis {
  // One line when it goes and one when it comes; the attempts in between say nothing new.
  redis.on("error", (error) => log.debug({ err: error }, "Redis connection failed"));
  redis.on("close", () => log.warn({}, "Redis connection lost"));
  redis.on("ready", () => log.info({}, "Redis connected"));
  return redis;
}

export function createControllerDelivery(options: DeliveryOptions): ControllerDelivery {
  const base = connect(options);
  const outbox = createRedisOutbox(base);
  const listener = createPlacementListener(base, outbox.placementRequested);
  base.watch.onReplaced(() => outbox.placementRequested(undefined));
  return {
    outbox,
    async start() {
      await listener.start();
      base.watch.start();
    },
    connected: base.connected,
    async stop() {
      await listener.stop();
      await base.close();
    },
  };
}

export function createHubDelivery(
  options: DeliveryOptions & { readonly hub: string; readonly scopes: readonly Scope[] },
): HubDelivery {
  const base = connect(options);
  const parts = { ...base, hub: options.hub };
  const mailbox = createRedisMailbox({ ...parts, scopes: options.scopes, inventoryDigest });
  const wakeups = createWakeups(parts);
  const presence = createHubPresence(parts);
  return {
    mailbox,
    wakeups: {
      async start(handlers) {
        await wakeups.start(handlers);
        await presence.start();
        base.watch.start();
      },
      stop: () => wakeups.stop(),
    },
    onReplaced: (handler) =>
      base.watch.onReplaced((reason) => {
        if (reason === "replaced") handler();
      }),
    connected: base.connected,
    async stop() {
      await wakeups.stop();
      await presence
        .stop()
        .catch((error: unknown) => options.log.warn({ err: error }, "heartbeat not removed"));
      await base.close();
    },
  };
}
