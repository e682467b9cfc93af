// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from "node:timers/promises";
import { Worker, type Job, type JobsOptions, type Queue } from "bullmq";
import type { Redis } from "ioredis";
import { PLACEMENT_QUEUE, queuePrefix, wakeQueueName, type QueueDeps, type Queues } from "./bullmq-queues.ts";
import { createKeyspace } from "./keys.ts";
import type { Owner, Wakeups } from "./mailbox.ts";
import { orUnavailable } from "./redis-client.ts";
import { createWakeLines } from "./wake-lines.ts";
import type { Waker } from "./waker.ts";

// A job says only that there is something to do, so nothing of it is kept and it is never tried again.
const ONCE: JobsOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true };

/** While a job of this id waits, another is dropped; while it runs, one more is kept for after it. */
const coalesced = (id: string): JobsOptions => ({ ...ONCE, deduplication: { id, keepLastIfActive: true } });

/** Stands for "every node" in the placement queue; no node can be named so. */
const EVERY_NODE = "*";

interface WakeJob {
  /** absent in a bell, which is for all nodes of the hub's `woken` */
  readonly node?: string;
  /** only in an evict */
  readonly owner?: Owner;
}

/** One job at most waits to say that there are nodes in `woken`. */
const BELL = coalesced("bell");

export interface WakerDeps extends Pick<QueueDeps, "redis" | "prefix"> {
  readonly queues: Queues;
}

/**
 * Wakes through a set of nodes and one job that rings for all of them: a job a node costs the hub more than half of
 * what a delivery does. The set holds a node once, so a hub that is away fills nothing.
 */
export function createWaker({ redis, prefix, queues }: WakerDeps): Waker {
  const keys = createKeyspace(prefix);
  const add = (queue: string, name: string, data: WakeJob, options: JobsOptions): Promise<void> =>
    orUnavailable(async () => {
      await (await queues.get(queue)).add(name, data, options);
    });
  const ring = async (hub: string, nodes: readonly string[]): Promise<void> => {
    const queue = wakeQueueName(hub);
    await orUnavailable(() => redis.sadd(keys.woken(hub), ...nodes));
    await add(queue, "bell", {}, BELL);
  };
  return {
    wake: createWakeLines(ring),
    evict: (hub, node, owner) => add(wakeQueueName(hub), "evict", { node, owner }, ONCE),
    requestPlacement: (node = EVERY_NODE) => add(PLACEMENT_QUEUE, "placement", { node }, coalesced(node)),
  };
}

export interface ListenerDeps extends Pick<QueueDeps, "redis" | "prefix" | "log"> {
  readonly queues: Queues;
  /** The worker client of redis-client.ts: its reads block. */
  readonly workerRedis: Redis;
  /** default 64 jobs at once; each only marks something, so it lives for milliseconds */
  readonly concurrency?: number;
}

function createWorker(
  deps: ListenerDeps,
  queue: string,
  handle: (data: WakeJob) => void | Promise<void>,
): Worker {
  const worker = new Worker<WakeJob>(
    queue,
    async (job) => {
      await handle(job.data);
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

/** Nodes that are taken at once: as many takes from mailboxes follow. */
const WOKEN_AT_ONCE = 256;
/** The next bell rings no sooner, so that a busy hub spends its time on nodes, not on jobs. */
const BELL_REST_MS = 10;

/** Takes what a bell rang for. What is lost on the way is found by the hub's rescan. */
async function answerBell(
  { redis, log }: ListenerDeps,
  key: string,
  wake: (node: string) => void,
): Promise<void> {
  try {
    for (let taken = WOKEN_AT_ONCE; taken === WOKEN_AT_ONCE;) {
      const nodes = await redis.spop(key, WOKEN_AT_ONCE);
      for (const node of nodes) wake(node);
      taken = nodes.length;
    }
  } catch (error) {
    log.warn({ err: error }, "woken nodes not taken, the rescan finds them");
  }
  await delay(BELL_REST_MS);
}

/** The hub's ear: one queue, named after the hub. */
export function createWakeups(deps: ListenerDeps & { readonly hub: string }): Wakeups {
  const queue = wakeQueueName(deps.hub);
  const woken = createKeyspace(deps.prefix).woken(deps.hub);
  let worker: Worker | undefined;
  return {
    async start(handlers) {
      // What waits there is from a former life: a hub that starts owns no session yet.
      await orUnavailable(() => deps.queues.obliterate(queue));
      await orUnavailable(() => deps.redis.del(woken));
      worker = createWorker(deps, queue, ({ node, owner }) => {
        if (node === undefined) return answerBell(deps, woken, (name) => handlers.wake(name));
        if (owner) handlers.evict(node, owner);
      });
      await untilReady(worker);
    },
    async stop() {
      if (worker) await close(worker, deps);
    },
  };
}

/**
 * Hears what a leader had taken and died with: BullMQ gives it back after half a minute or more, and until then holds
 * every later request of those nodes back behind it.
 */
async function hearUnfinished(queue: Queue, hear: (node: string | undefined) => void): Promise<void> {
  for (const { data, deduplicationId } of (await queue.getActive()) as Job<WakeJob>[]) {
    if (deduplicationId !== undefined) await queue.removeDeduplicationKey(deduplicationId);
    hear(data.node);
  }
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
  const hear = (node: string | undefined): void => handle(node === EVERY_NODE ? undefined : node);
  return {
    async start() {
      // Opened here too, so that the queue's settings are ours whoever adds first.
      await orUnavailable(async () => hearUnfinished(await deps.queues.get(PLACEMENT_QUEUE), hear));
      worker = createWorker(deps, PLACEMENT_QUEUE, ({ node }) => hear(node));
      await untilReady(worker);
    },
    async stop() {
      if (worker) await close(worker, deps);
    },
  };
}
