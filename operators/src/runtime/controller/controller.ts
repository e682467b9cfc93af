// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import { TerminalError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Runnable } from "../manager/runnable.ts";
import type { QueueItem, WorkQueue } from "../queue/work-queue.ts";
import type { ControllerObserver, ReconcileOutcome } from "./controller-metrics.ts";
import type { Reconciler, Result } from "./reconciler.ts";
import { keyOf, requestOf } from "./request.ts";
import type { Source } from "./source.ts";

export interface ControllerDeps {
  readonly name: string;
  readonly reconciler: Reconciler;
  readonly sources: readonly Source[];
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer?: ControllerObserver | undefined;
  /** Default 1. */
  readonly maxConcurrentReconciles?: number | undefined;
  /** Aborts the reconcile's signal after this long; default none. */
  readonly reconcileTimeoutMs?: number | undefined;
  /** All sources must have synced within this; default 2 min. */
  readonly cacheSyncTimeoutMs?: number | undefined;
  /** Default true. */
  readonly needsLeaderElection?: boolean | undefined;
}

export interface Controller extends Runnable {
  readonly name: string;
}

/** Takes keys from a queue that sources fill, and gives each to the reconciler, one at a time per key. */
export function createController(deps: ControllerDeps): Controller {
  const { name, queue, sources, clock } = deps;
  const log = deps.log.child({ controller: name });

  const work = async (signal: AbortSignal): Promise<void> => {
    for (let item = await queue.get(); item !== undefined; item = await queue.get()) {
      try {
        await turn({ ...deps, log }, item, signal);
      } finally {
        queue.done(item.key);
      }
    }
  };

  return {
    name,
    needsLeaderElection: deps.needsLeaderElection ?? true,
    async start(signal) {
      const onAbort = (): void => queue.shutdown();
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
      for (const source of sources) {
        source.start((item) =>
          queue.add(keyOf(item), {
            ...(item.priority !== undefined && { priority: item.priority }),
            ...(item.afterMs !== undefined && { afterMs: item.afterMs }),
          }),
        );
      }
      await allSynced(sources, { name, clock, signal, timeoutMs: deps.cacheSyncTimeoutMs ?? 120_000 });
      const workers = deps.maxConcurrentReconciles ?? 1;
      log.info({ workers }, "controller started");
      await Promise.all(Array.from({ length: workers }, () => work(signal)));
    },
  };
}

async function turn(deps: ControllerDeps, item: QueueItem, signal: AbortSignal): Promise<void> {
  const { queue, clock, observer } = deps;
  const request = requestOf(item.key);
  const log = deps.log.child({ ...request, reconcileID: randomUUID() });
  const startedAtMs = clock.nowMs();
  observer?.started();
  let outcome: ReconcileOutcome = "error";
  try {
    const result = await withTimeout(deps, signal, (inner) =>
      deps.reconciler(request, { signal: inner, log }),
    );
    outcome = settle(queue, item, result);
  } catch (error) {
    fail({ ...deps, log }, item, error, signal);
  } finally {
    observer?.ended(outcome, clock.nowMs() - startedAtMs);
  }
}

function settle(queue: WorkQueue, { key, priority }: QueueItem, result: Result): ReconcileOutcome {
  queue.forget(key);
  const afterMs = result.requeueAfterMs ?? 0;
  if (afterMs <= 0) return "success";
  queue.add(key, { afterMs, priority });
  return "requeue_after";
}

function fail(
  { queue, observer, log }: ControllerDeps,
  item: QueueItem,
  error: unknown,
  signal: AbortSignal,
): void {
  if (isProgramFault(error)) observer?.panicked();
  if (error instanceof TerminalError) {
    observer?.terminal();
    queue.forget(item.key);
    log.error({ err: error }, "reconcile failed for good");
    return;
  }
  queue.add(item.key, { rateLimited: true, priority: item.priority });
  if (signal.aborted) log.debug({ err: error }, "reconcile ended by the stop");
  else log.error({ err: error, failures: queue.failures(item.key) }, "reconcile failed");
}

/** What Go would have panicked on. */
const isProgramFault = (error: unknown): boolean =>
  !(error instanceof Error) || error instanceof TypeError || error instanceof ReferenceError;

async function withTimeout<T>(
  deps: ControllerDeps,
  outer: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, reconcileTimeoutMs, observer } = deps;
  if (reconcileTimeoutMs === undefined) return run(outer);
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(outer.reason);
  outer.addEventListener("abort", onAbort, { once: true });
  const cancel = clock.schedule(reconcileTimeoutMs, () => {
    observer?.timedOut();
    controller.abort(new Error(`reconcile took longer than ${reconcileTimeoutMs} ms`));
  });
  try {
    // Waited for even when it ignores the signal: a second turn of the key must not overlap it.
    return await run(controller.signal);
  } finally {
    cancel();
    outer.removeEventListener("abort", onAbort);
  }
}

interface SyncWait {
  readonly name: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** @throws Error naming what has not synced in time; a stop ends the wait without one */
async function allSynced(sources: readonly Source[], o: SyncWait): Promise<void> {
  const missing = new Set(sources.map((source) => source.name));
  const all = Promise.all(sources.map((source) => source.synced().then(() => missing.delete(source.name))));
  await new Promise<void>((resolve, reject) => {
    const cancel = o.clock.schedule(o.timeoutMs, () =>
      reject(
        new Error(`controller ${o.name}: ${[...missing].join(", ")} not synced within ${o.timeoutMs} ms`),
      ),
    );
    const end = (): void => {
      cancel();
      o.signal.removeEventListener("abort", end);
      resolve();
    };
    o.signal.addEventListener("abort", end, { once: true });
    if (o.signal.aborted) end();
    all.then(end, reject);
  });
}
