// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from "node:timers/promises";
import { inventoryDigest } from "@longshore/crds/wire";
import type { Registry } from "prom-client";
import { createQueues } from "./bullmq-queues.ts";
import { createPlacementListener, createWaker, createWakeups } from "./bullmq.ts";
import type { Directory } from "./directory.ts";
import { createHubPresence } from "./hub-presence.ts";
import type { Ledger } from "./ledger.ts";
import type { Log } from "./log.ts";
import type { Mailbox, Wakeups } from "./mailbox.ts";
import type { Outbox, Scope } from "./outbox.ts";
import { logConnection } from "./connection-log.ts";
import { createCallClient, createWorkerClient, type ClientLimits, type RedisTarget } from "./redis-client.ts";
import { createRedisDirectory } from "./redis-directory.ts";
import { createRedisLedger } from "./redis-ledger.ts";
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
  readonly ledger: Ledger;
  /**
   * Hears placement requests, of hubs and after a change of Redis, until the signal aborts. For the leader alone.
   * While Redis is away it tries again.
   */
  run(signal: AbortSignal): Promise<void>;
  /** False while Redis is away. For metrics and conditions, not for readiness. */
  connected(): boolean;
  stop(): Promise<void>;
}

/** Delivery as a hub uses it. */
export interface HubDelivery {
  readonly mailbox: Mailbox;
  /** Its `start` also begins the heartbeat; while Redis is away it tries again, until `stop`. */
  readonly wakeups: Wakeups;
  /** Which hub holds which node. Its addresses and tunnels are told once `wakeups` have started. */
  readonly directory: Directory;
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
  const redis = createCallClient(options.redis, options.limits);
  const workerRedis = createWorkerClient(options.redis, options.limits);
  const unlog = [logConnection(redis, "calls", log), logConnection(workerRedis, "worker", log)];
  const queues = createQueues({ redis, prefix, log });
  const watch = createRedisWatch({ redis, prefix, log, registry });
  watch.onReplaced((reason) => {
    if (reason === "replaced") queues.reopen();
  });
  return {
    ...{ log, registry, prefix, redis, workerRedis, queues, watch },
    waker: createWaker({ redis, prefix, queues }),
    connected: () => redis.status === "ready",
    async close() {
      watch.stop();
      await queues.close();
      for (const end of unlog) end();
      redis.disconnect();
      workerRedis.disconnect();
    },
  };
}

export function createControllerDelivery(options: DeliveryOptions): ControllerDelivery {
  const base = connect(options);
  const outbox = createRedisOutbox({ ...base, restore: () => ledger.restorer() });
  const ledger = createRedisLedger({ ...base, requestPlacement: outbox.placementRequested });
  const listener = createPlacementListener(base, outbox.placementRequested);
  base.watch.onReplaced(() => outbox.placementRequested(undefined));
  return {
    outbox,
    ledger,
    async run(signal) {
      await persist(() => listener.start(), { signal, log: options.log });
      if (!signal.aborted) base.watch.start();
      await aborted(signal);
      await listener.stop();
    },
    connected: base.connected,
    stop: () => base.close(),
  };
}

export function createHubDelivery(
  options: DeliveryOptions & { readonly hub: string; readonly scopes: readonly Scope[] },
): HubDelivery {
  const { log } = options;
  const base = connect(options);
  const parts = { ...base, hub: options.hub };
  const mailbox = createRedisMailbox({ ...parts, scopes: options.scopes, inventoryDigest });
  const wakeups = createWakeups(parts);
  const presence = createHubPresence(parts);
  const directory = createRedisDirectory({ ...parts, announce: (address) => presence.announce(address) });
  base.watch.onReplaced(() => directory.renew());
  const stopped = new AbortController();
  async function stopWakeups(): Promise<void> {
    stopped.abort();
    await wakeups.stop();
  }
  return {
    mailbox,
    wakeups: {
      async start(handlers) {
        await persist(() => wakeups.start(handlers), { signal: stopped.signal, log });
        await persist(() => presence.start(), { signal: stopped.signal, log });
        directory.start();
        base.watch.start();
      },
      stop: stopWakeups,
    },
    directory,
    onReplaced: (handler) =>
      base.watch.onReplaced((reason) => {
        if (reason === "replaced") handler();
      }),
    connected: base.connected,
    async stop() {
      await stopWakeups();
      directory.stop();
      await presence.stop().catch((error: unknown) => log.warn({ err: error }, "heartbeat not removed"));
      await base.close();
    },
  };
}

const FIRST_RETRY_MS = 20;
const MAX_RETRY_MS = 1000;

/** Does it until it succeeds or the signal aborts. */
async function persist(
  task: () => Promise<void>,
  { signal, log }: { signal: AbortSignal; log: Log },
): Promise<void> {
  for (let retryMs = FIRST_RETRY_MS; !signal.aborted; retryMs = Math.min(2 * retryMs, MAX_RETRY_MS)) {
    try {
      await task();
      return;
    } catch (error) {
      log.debug({ err: error }, "Redis is away, delivery does not start yet");
      await Promise.race([delay(retryMs), aborted(signal)]);
    }
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
