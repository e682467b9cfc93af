// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from "node:timers/promises";
import { Worker, type JobsOptions } from "bullmq";
import type { Redis } from "ioredis";
import { PLACEMENT_QUEUE, queuePrefix, wakeQueueName, type QueueDeps, type Queues } from "./bullmq-queues.ts";
import type { Owner, Wakeups } from "./mailbox.ts";
import { orUnavailable } from "./redis-client.ts";
import type { Waker } from "./waker.ts";

// A job says only that there is something to do, so nothing of it is kept and it is never tried again.
const ONCE: JobsOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true };

/** While a job of this id waits, another is dropped; while it runs, one more is kept for after it. */
const coalesced = (id: string): JobsOptions => ({ ...ONCE, deduplication: { id, keepLastIfActive: true } });

/** Stands for "every node" in the placement queue; no node can be named so. */
const EVERY_NODE = "*";

interface WakeJob {
  readonly node: string;
  /** only in an evict */
  readonly owner?: Owner;
}

export function createWaker(queues: Queues): Waker {
  const add = (queue: string, name: string, data: WakeJob, options: JobsOptions): Promise<void> =>
    orUnavailable(async () => {
      await (await queues.get(queue)).add(name, data, options);
    });
  return {
    wake: (hub, node) => add(wakeQueueName(hub), "wake", { node }, coalesced(node)),
    evict: (hub, node, owner) => add(wakeQueueName(hub), "evict", { node, owner }, ONCE),
    requestPlacement: (node = EVERY_NODE) => add(PLACEMENT_QUEUE, "placement", { node }, coalesced(node)),
  };
}

export interface ListenerDeps extends Pick<QueueDeps, "prefix" | "log"> {
  readonly queues: Queues;
  /** The worker client of redis-client.ts: its reads block. */
  readonly workerRedis: Redis;
  /** default 64 jobs at once; each only marks something, so it lives for milliseconds */
  readonly concurrency?: number;
}

function createWorker(
  deps: ListenerDeps,
  queue: string,
  handle: (name: string, data: WakeJob) => void,
): Worker {
  const worker = new Worker<WakeJob>(
    queue,
    (job) => {
      handle(job.name, job.data);
      return Promise.resolve();
    },
    {
      connection: deps.workerRedis,
      prefix: queuePrefix(deps.prefix),
      concurrency: deps.concurrency ?? 64,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    },
  );
  worker.on("error", (error) => deps.log.debug({ queue, err: error }, "worker lost Redis"));
  worker.on("failed", (_job, error) => deps.log.error({ queue, err: error }, "wake-up handler threw"));
  return worker;
}

/** Our caller tries again with a new worker, so one that did not come up must not stay. */
async function untilReady(worker: Worker): Promise<void> {
  try {
    await orUnavailable(() => worker.waitUntilReady());
  } catch (error) {
    // Not waited for: its connection is down. What it says on the way out is no news.
    worker.close(true).catch(() => undefined);
    throw error;
  }
}

const CLOSE_MS = 2000;

/**
 * Waits for the jobs that run, but never for a Redis that is away: a worker that stayed would come back with it and
 * take jobs that nobody does any more. Our caller ends its connection then.
 */
async function close(worker: Worker, { workerRedis, log }: ListenerDeps): Promise<void> {
  const over = new AbortController();
  const closed = worker.close(workerRedis.status !== "ready");
  const late = delay(CLOSE_MS, "late", { signal: over.signal }).catch(() => undefined);
  if ((await Promise.race([closed, late])) === "late")
    log.warn({ queue: worker.name }, "worker not closed in time");
  over.abort();
}

/** The hub's ear: one queue, named after the hub. */
export function createWakeups(deps: ListenerDeps & { readonly hub: string }): Wakeups {
  const queue = wakeQueueName(deps.hub);
  let worker: Worker | undefined;
  return {
    async start(handlers) {
      // What waits there is from a former life: a hub that starts owns no session yet.
      await orUnavailable(() => deps.queues.obliterate(queue));
      worker = createWorker(deps, queue, (_name, { node, owner }) => {
        if (owner) handlers.evict(node, owner);
        else handlers.wake(node);
      });
      await untilReady(worker);
    },
    async stop() {
      if (worker) await close(worker, deps);
    },
  };
}

/** The leading controllers' ear for placement requests. Only the leader may start it: a job is heard once. */
export interface PlacementListener {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createPlacementListener(
  deps: ListenerDeps,
  handle: (node: string | undefined) => void,
): PlacementListener {
  let worker: Worker | undefined;
  return {
    async start() {
      // Opened here too, so that the queue's settings are ours whoever adds first.
      await orUnavailable(() => deps.queues.get(PLACEMENT_QUEUE));
      worker = createWorker(deps, PLACEMENT_QUEUE, (_name, { node }) =>
        handle(node === EVERY_NODE ? undefined : node),
      );
      await untilReady(worker);
    },
    async stop() {
      if (worker) await close(worker, deps);
    },
  };
}
