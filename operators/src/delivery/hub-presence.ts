// SPDX-License-Identifier: Apache-2.0
import type { Redis } from "ioredis";
import { wakeQueueName, type Queues } from "./bullmq-queues.ts";
import { createKeyspace } from "./keys.ts";
import type { Log } from "./log.ts";
import { orUnavailable } from "./redis-client.ts";

export interface HubPresenceDeps {
  readonly redis: Redis;
  readonly queues: Queues;
  readonly prefix: string;
  readonly hub: string;
  readonly log: Log;
  /** default 15 s: a hub that was not heard for this long is dead */
  readonly ttlMs?: number;
  /** default 5 s */
  readonly beatIntervalMs?: number;
  /** default 30 s: how often dead hubs are looked for */
  readonly sweepIntervalMs?: number;
}

/** Says that this hub lives, and clears away after hubs that do not. */
export interface HubPresence {
  /** Where other hubs reach this one, told with every heartbeat from now on. */
  announce(address: string): void;
  /** Rejects with UNAVAILABLE when the first beat fails. */
  start(): Promise<void>;
  /** Removes the queues of dead hubs. @returns their ids */
  sweep(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export function createHubPresence(deps: HubPresenceDeps): HubPresence {
  const { redis, hub, log } = deps;
  const keys = createKeyspace(deps.prefix);
  const timers: NodeJS.Timeout[] = [];
  // Any value says that the hub lives.
  let value = "1";

  const beat = (): Promise<void> =>
    orUnavailable(async () => {
      await redis.set(keys.heartbeat(hub), value, "PX", deps.ttlMs ?? 15_000);
      await redis.sadd(keys.hubs, hub);
    });

  const sweep = (): Promise<readonly string[]> =>
    orUnavailable(async () => {
      const others = (await redis.smembers(keys.hubs)).filter((id) => id !== hub);
      const dead: string[] = [];
      for (const id of others) {
        if ((await redis.exists(keys.heartbeat(id))) === 1) continue;
        await deps.queues.obliterate(wakeQueueName(id));
        await redis.del(keys.woken(id));
        await redis.srem(keys.hubs, id);
        log.info({ hub: id }, "queue of a dead hub removed");
        dead.push(id);
      }
      return dead;
    });

  const every = (intervalMs: number, what: string, task: () => Promise<unknown>): void => {
    const run = (): void =>
      void task().catch((error: unknown) => log.warn({ what, err: error }, "presence in Redis not kept"));
    timers.push(setInterval(run, intervalMs).unref());
  };

  const announce = (address: string): void => {
    value = address;
    if (timers.length === 0) return;
    beat().catch((error: unknown) =>
      log.warn({ err: error }, "address not told at once, the next beat does"),
    );
  };

  return {
    announce,
    async start() {
      await beat();
      every(deps.beatIntervalMs ?? 5000, "heartbeat", beat);
      every(deps.sweepIntervalMs ?? 30_000, "sweep", sweep);
    },
    sweep,
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await orUnavailable(() => redis.del(keys.heartbeat(hub)));
    },
  };
}
