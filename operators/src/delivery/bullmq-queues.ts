// SPDX-License-Identifier: Apache-2.0
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { DeliveryError } from "./errors.ts";
import type { Log } from "./log.ts";
import { checkHubId } from "./owner.ts";

export interface QueueDeps {
  /** The call client of redis-client.ts: fails fast. */
  readonly redis: Redis;
  /** put before every key */
  readonly prefix: string;
  readonly log: Log;
}

/** Queue of one hub. Queue names may not contain ":". */
export const wakeQueueName = (hub: string): string => `wake-${checkHubId(hub)}`;
/** Queue on which hubs ask for placements. */
export const PLACEMENT_QUEUE = "placement";

/** One hash tag for all queues, for scripts of BullMQ that touch several keys. */
export const queuePrefix = (prefix: string): string => `{${prefix}-queues}`;

/** Opens queues when they are first needed, all on one connection. */
export interface Queues {
  /** @throws {DeliveryError} UNAVAILABLE */
  get(name: string): Promise<Queue>;
  /** Empties a queue and removes every key of it. */
  obliterate(name: string): Promise<void>;
  /** Forgets what is open, so that the queues' settings are written anew: Redis has lost them. */
  reopen(): void;
  close(): Promise<void>;
}

export function createQueues(deps: QueueDeps): Queues {
  const { redis, log } = deps;
  const open = new Map<string, Promise<Queue>>();

  async function create(name: string): Promise<Queue> {
    // BullMQ would wait without a limit for a connection that is not there yet, and never recover from a failed start.
    if (redis.status !== "ready") throw new DeliveryError("UNAVAILABLE", "not connected to Redis");
    const queue = new Queue(name, {
      connection: redis,
      prefix: queuePrefix(deps.prefix),
      skipWaitingForReady: true,
      streams: { events: { maxLen: 0 } },
    });
    queue.on("error", (error) => log.debug({ queue: name, err: error }, "queue lost Redis"));
    await queue.waitUntilReady();
    return queue;
  }

  function get(name: string): Promise<Queue> {
    const known = open.get(name);
    if (known) return known;
    const created = create(name);
    open.set(name, created);
    created.catch(() => open.delete(name));
    return created;
  }

  async function closeAll(): Promise<void> {
    const opened = [...open.values()];
    open.clear();
    await Promise.allSettled(opened.map(async (queue) => (await queue).close()));
  }

  return {
    get,
    async obliterate(name) {
      const queue = await get(name);
      await queue.obliterate({ force: true });
      // The queue's settings went with it.
      open.delete(name);
      await queue.close();
    },
    reopen: () => void closeAll(),
    close: closeAll,
  };
}
