// SPDX-License-Identifier: Apache-2.0
import { Gauge, type Registry } from "prom-client";
import { createCacheMetrics } from "../cache/cache-metrics.ts";
import { createCache, type Cache } from "../cache/cache.ts";
import type { ReflectorTuning } from "../cache/reflector.ts";
import type { KubeClient } from "../api/create-client.ts";
import type { Client } from "../client.ts";
import { pause, systemClock, type Clock } from "../clock.ts";
import { createControllerMetrics, type ControllerMetrics } from "../controller/controller-metrics.ts";
import type { Log } from "../log.ts";
import { createQueueMetrics, type QueueMetrics } from "../queue/queue-metrics.ts";
import { createEventRecorder, type EventRecorder } from "../recorder/event-recorder.ts";
import { createEventSink } from "../recorder/event-sink.ts";
import { createHealthChecks, type HealthCheck } from "./health.ts";
import { listenMetrics, listenProbes, type HttpListener, type ListenOptions } from "./http-servers.ts";
import { createLeaderElector, type LeaderElectionOptions } from "./leader-election.ts";
import { nextTerm } from "./lease.ts";
import { guardWrites } from "./leader-guard.ts";
import { createRunnableGroup } from "./runnable-group.ts";
import type { Runnable } from "./runnable.ts";
import { createFailure, stopInOrder } from "./stop.ts";

export interface ManagerOptions {
  readonly client: KubeClient;
  readonly registry: Registry;
  readonly log: Log;
  readonly clock?: Clock;
  /** Absent: no metrics server. */
  readonly metrics?: MetricsOptions;
  /** Absent: no probe server. */
  readonly probes?: ListenOptions;
  /** Absent: everything runs at once, with term 0. */
  readonly leaderElection?: LeaderElectionOptions;
  /** How long a stop waits for running work: default 30 s, 0 not at all, below 0 for ever. */
  readonly gracefulStopMs?: number;
  /** How long the caches may take to fill at the start; default 2 min. */
  readonly cacheSyncTimeoutMs?: number;
  readonly resyncMs?: number;
  readonly cacheTuning?: ReflectorTuning;
}

export interface MetricsOptions extends ListenOptions {
  /** What is served, asked at each scrape; no name may be in two of them. Default: the manager's own registry. */
  readonly registries?: () => readonly Registry[];
}

/** Owns what controllers share, and starts and stops everything in order. */
export interface Manager {
  /** Refuses writes after leadership was lost. */
  readonly client: Client;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: Registry;
  readonly metrics: { readonly queue: QueueMetrics; readonly controller: ControllerMetrics };
  /** @param controller what events name as their reporter */
  recorder(controller: string): EventRecorder;
  /** `leaseTransitions` of our Lease while we lead, else 0. Without election: as of a leader that was elected now. */
  term(): number;
  /** True without leader election. */
  isLeading(): boolean;
  /** Also after the start, never after the stop. */
  add(runnable: Runnable): void;
  /** Only before the start. Keep liveness local to the process. */
  addHealthCheck(name: string, check: HealthCheck): void;
  addReadyCheck(name: string, check: HealthCheck): void;
  /** Metrics and logs key on names. @throws Error when it is taken */
  claimControllerName(name: string): void;
  /**
   * Runs until the signal aborts and everything has ended.
   *
   * @throws the first error of a runnable; {LeaderLostError} as soon as everything has ended, after 5 s anyway:
   * what still runs then cannot write any more
   */
  start(signal: AbortSignal): Promise<void>;
}

/** How long what a lost leader did may take to end. */
const LOST_GRACE_MS = 5000;

export function createManager(options: ManagerOptions): Manager {
  const { registry, log, clock = systemClock } = options;
  const cacheMetrics = createCacheMetrics(registry);
  const cache = createCache({
    client: options.client,
    clock,
    log,
    metrics: cacheMetrics,
    tuning: options.cacheTuning,
    resyncMs: options.resyncMs,
  });
  const election = options.leaderElection;
  const masterStatus = election && createMasterGauge(registry, election.name);
  const elector =
    election &&
    createLeaderElector({
      ...election,
      client: options.client,
      clock,
      log,
      onChange: (is) => masterStatus?.(is),
    });
  const client =
    elector === undefined ? options.client : guardWrites(options.client, () => elector.hasLost());
  const events = createEventSink({ client: options.client, clock, log, registry });
  const health = createHealthChecks("healthz");
  const ready = createHealthChecks("readyz");
  const names = new Set<string>();
  const failure = createFailure(log);
  const others = createRunnableGroup(failure.fail);
  const leaders = createRunnableGroup(failure.fail);
  const caches = createRunnableGroup(failure.fail);
  const electorEnd = new AbortController();
  const listeners: HttpListener[] = [];
  let isStarted = false;
  let electionEnded: Promise<void> = Promise.resolve();

  caches.add(cache);
  ready.add("caches", () => {
    const missing = cache.unsynced();
    if (missing.length > 0) throw new Error(`not synced: ${missing.join(", ")}`);
  });
  const beforeStart = (): void => {
    if (isStarted) throw new Error("checks must be added before the start");
  };
  const listen = async (): Promise<void> => {
    if (options.probes) listeners.push(await listenProbes(options.probes, { health, ready }, log));
    const { metrics } = options;
    if (metrics) listeners.push(await listenMetrics(metrics, metrics.registries ?? (() => [registry]), log));
  };
  const syncCaches = async (signal: AbortSignal): Promise<void> => {
    caches.start();
    const timeoutMs = options.cacheSyncTimeoutMs ?? 120_000;
    const enough = new AbortController();
    await Promise.race([
      cache.synced(),
      aborted(signal),
      failure.failed,
      pause(clock, timeoutMs, enough.signal),
    ]);
    enough.abort();
    const missing = cache.unsynced();
    if (missing.length > 0 && !signal.aborted) throw new Error(`caches not synced: ${missing.join(", ")}`);
  };
  const elect = (): void => {
    if (elector === undefined) {
      leaders.start();
      return;
    }
    electionEnded = elector.run(electorEnd.signal).catch(failure.fail);
    void elector.elected.then(() => leaders.start());
  };
  const stop = (graceMs: number): Promise<void> =>
    stopInOrder({
      clock,
      log,
      graceMs,
      steps: [
        ["runnables", () => others.stop()],
        ["controllers", () => leaders.stop()],
        ["caches", () => caches.stop()],
        ["http", () => Promise.all(listeners.map((listener) => listener.close())).then(() => undefined)],
      ],
    });
  // What remembers the term of an elected leader would refuse a zero for ever.
  const aloneTerm = nextTerm(undefined, clock.wallMs());
  const abandon = async (): Promise<void> => {
    for (const group of [others, leaders, caches]) group.abort();
    electorEnd.abort();
    await stop(LOST_GRACE_MS);
    // Not waited for: what it still writes is about the past.
    void events.stop();
  };

  return {
    client,
    cache,
    clock,
    log,
    registry,
    metrics: { queue: createQueueMetrics(registry, clock), controller: createControllerMetrics(registry) },
    recorder: (controller) => createEventRecorder(events, controller),
    term: () => elector?.term() ?? aloneTerm,
    isLeading: () => elector?.isLeading() ?? true,
    add: (runnable) => (runnable.needsLeaderElection === false ? others : leaders).add(runnable),
    addHealthCheck(name, check) {
      beforeStart();
      health.add(name, check);
    },
    addReadyCheck(name, check) {
      beforeStart();
      ready.add(name, check);
    },
    claimControllerName(name) {
      if (names.has(name)) throw new Error(`there is a controller named ${JSON.stringify(name)} already`);
      names.add(name);
    },
    async start(signal) {
      isStarted = true;
      try {
        await listen();
        await syncCaches(signal);
        others.start();
        elect();
        await Promise.race([aborted(signal), failure.failed]);
      } catch (error) {
        failure.fail(error);
      }
      if (elector?.hasLost() === true) {
        await abandon();
        throw failure.error() ?? new Error("leadership lost");
      }
      await stop(options.gracefulStopMs ?? 30_000);
      electorEnd.abort();
      await electionEnded;
      await events.stop();
      const error = failure.error();
      if (error !== undefined) throw error;
    },
  };
}

function createMasterGauge(registry: Registry, name: string): (isLeader: boolean) => void {
  const gauge = new Gauge({
    name: "leader_election_master_status",
    help: "1 while this process leads",
    labelNames: ["name"],
    registers: [registry],
  });
  gauge.set({ name }, 0);
  return (isLeader) => gauge.set({ name }, isLeader ? 1 : 0);
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
