// SPDX-License-Identifier: Apache-2.0
import { totalmem } from "node:os";
import { join } from "node:path";
import { parseKey } from "@longshore/crds/wire";
import { Registry } from "prom-client";
import { type Clock, systemClock } from "../clock.ts";
import type { DesiredEvent, StoredObject } from "../store/port.ts";
import { createEvents, createObjects, createTokens, type PodObjects, referencesOf } from "./cloud/index.ts";
import { LOG_LIMITS, rotateLog } from "./container/index.ts";
import { hostResolvConf, ownOomScoreAdj, sharedOptions } from "./host.ts";
import { checkPod, isPathElement, logDir, logPath } from "./identity/index.ts";
import { createImageGc, createImages } from "./images/index.ts";
import { createMetrics, type PodMetrics } from "./metrics.ts";
import { type Pod, type PodStatus, podUid } from "./model/index.ts";
import type { PodEngine, PodEngineDeps } from "./port.ts";
import { createObserver, RuntimeView } from "./runtime/index.ts";
import { StatusSender } from "./status/index.ts";
import { systemMounter } from "./volumes/index.ts";
import {
  identityOf,
  POD_BUCKET,
  type PodContext,
  type PodIdentity,
  type PodRecord,
  PodWorker,
} from "./worker/index.ts";

const STALE_RUNTIME_MS = 10_000;
const STATUS_INTERVAL_MS = 10_000;
const LOG_INTERVAL_MS = 10_000;
const IMAGE_GC_INTERVAL_MS = 300_000;
const REQUEST_TIMEOUT_MS = 60_000;
type Problems = ReturnType<PodEngine["runtimeProblems"]>;

class Engine implements PodEngine {
  readonly #deps: PodEngineDeps;
  readonly #clock: Clock;
  readonly #metrics: PodMetrics;
  readonly #workers = new Map<string, PodWorker>();
  readonly #view: RuntimeView;
  readonly #objects: PodObjects;
  readonly #context: PodContext;
  readonly #stops: (() => void)[] = [];
  readonly #timers = new Map<string, () => void>();
  #version: string | undefined;
  #problems: Problems = [];
  #stopped = false;

  constructor(deps: PodEngineDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    this.#metrics = createMetrics(deps.registry ?? new Registry());
    this.#view = new RuntimeView({
      observer: createObserver(deps.cri),
      clock: this.#clock,
      log: deps.log,
      onChange: (uids) => this.#onRuntime(uids),
      onSynced: () => {
        for (const worker of this.#workers.values()) worker.wake();
      },
      onRelist: (ok, ms) => this.#metrics.relists.observe({ result: ok ? "ok" : "error" }, ms / 1000),
    });
    this.#objects = createObjects({
      store: deps.store,
      records: deps.records,
      uplink: deps.uplink,
      clock: this.#clock,
      queryTimeoutMs: deps.options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    });
    this.#context = this.#createContext();
  }

  async start(): Promise<void> {
    const { store, uplink, onInventoryComplete } = this.#deps;
    this.#stops.push(
      store.subscribe("pod", (event) => this.#onPod(event)),
      store.subscribe("configmap", (event) => this.#onReferenced(event.object)),
      store.subscribe("secret", (event) => this.#onReferenced(event.object)),
      uplink.onState((connected) => this.#onConnection(connected)),
      onInventoryComplete(() => this.#sweep()),
    );
    for (const object of store.list("pod")) this.#put(object.value as Pod);
    await this.#askRuntime();
    await this.#view.relist().catch((error: unknown) => {
      this.#deps.log.warn({ err: error }, "container runtime not there yet");
    });
    this.#sweep();
    const { relistIntervalMs = 1_000, refreshIntervalMs = 60_000 } = this.#deps.options;
    // The view itself tells when the runtime stops answering, once.
    this.#every("relist", relistIntervalMs, () => this.#view.relist().catch(() => undefined));
    this.#every("status", STATUS_INTERVAL_MS, () => this.#askRuntime());
    this.#every("logs", LOG_INTERVAL_MS, () => this.#rotateLogs());
    if (this.#deps.options.imageGc ?? true) {
      const collect = createImageGc({
        cri: this.#deps.cri,
        clock: this.#clock,
        log: this.#deps.log,
        sandboxImage: this.#deps.options.sandboxImage ?? "",
      });
      this.#every("images", IMAGE_GC_INTERVAL_MS, collect);
    }
    this.#every("refresh", refreshIntervalMs, () => {
      for (const worker of this.#workers.values()) worker.refresh();
      return this.#objects.retain((key) => this.#isReferenced(key));
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const stop of this.#stops) stop();
    for (const cancel of this.#timers.values()) cancel();
    for (const worker of this.#workers.values()) worker.stop();
    this.#context.sender.stop();
    this.#context.images.stop();
  }

  runtimeHealthy(): boolean {
    return this.#view.ageMs() < STALE_RUNTIME_MS && this.#problems.length === 0;
  }

  runtimeVersion(): string | undefined {
    return this.#version;
  }

  runtimeProblems(): Problems {
    return this.#problems;
  }

  podCount(): number {
    return this.#workers.size;
  }

  statusOf(uid: string): PodStatus | undefined {
    return this.#workers.get(uid)?.status;
  }

  #createContext(): PodContext {
    const { cri, log, records, uplink, options, node } = this.#deps;
    const clock = this.#clock;
    const requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    return {
      cri,
      clock,
      log,
      records,
      uplink,
      sender: new StatusSender({
        uplink,
        clock,
        log,
        timeoutMs: requestTimeoutMs,
        resendAfterMs: options.resendAfterMs ?? 15_000,
        onSent: (result) => this.#metrics.statuses.inc({ result }),
      }),
      images: createImages({
        cri,
        clock,
        onPull: (ok) => this.#metrics.pulls.inc({ result: ok ? "ok" : "error" }),
      }),
      tokens: createTokens({ records, uplink, clock, queryTimeoutMs: requestTimeoutMs }),
      events: createEvents({
        uplink,
        clock,
        log,
        nodeName: node.name,
        enabled: options.reportEvent ?? false,
      }),
      mounter: this.#deps.mounter ?? systemMounter,
      objects: (namespace) => this.#objects.of(namespace),
      node,
      options: { ...sharedOptions(options), requestTimeoutMs },
      limits: {
        nodeMemoryBytes: totalmem(),
        ownOomScoreAdj: ownOomScoreAdj(),
        cpuQuotaEnabled: options.cpuCFSQuota ?? true,
      },
      hostDns: () => hostResolvConf(options.resolvConf),
      relist: () => this.#view.relist(),
      countAction: (action, ok) => this.#metrics.actions.inc({ action, result: ok ? "ok" : "error" }),
    };
  }

  /** A loop with a pause between its runs: a slow run never piles up. */
  #every(name: string, intervalMs: number, work: () => Promise<void>): void {
    const again = (): void => {
      if (this.#stopped) return;
      this.#timers.set(
        name,
        this.#clock.schedule(intervalMs, () => {
          work()
            .catch((error: unknown) =>
              this.#deps.log.warn({ err: error, loop: name }, "background work failed"),
            )
            .finally(again);
        }),
      );
    };
    again();
  }

  async #rotateLogs(): Promise<void> {
    const { cri, log, options } = this.#deps;
    const limits = { ...LOG_LIMITS, ...options.logLimits, nowMs: this.#clock.nowMs() };
    const running = [...this.#view.pods.values()]
      .filter(({ uid }) => this.#workers.has(uid))
      .flatMap((pod) => pod.containers.filter((c) => c.phase === "running").map((c) => ({ pod, c })));
    for (const { pod, c } of running) {
      const path = join(logDir(this.#context.options, pod), logPath(c.name, c.attempt));
      await rotateLog(path, limits, () => cri.reopenContainerLog(c.id)).catch((err: unknown) =>
        log.warn({ err, container: c.name, pod: pod.name }, "container log not rotated"),
      );
    }
  }

  async #askRuntime(): Promise<void> {
    try {
      const conditions = await this.#deps.cri.status();
      this.#problems = conditions
        .filter((c) => !c.status)
        .map(({ type, reason, message }) => ({ type, reason, message }));
      if (this.#version !== undefined) return;
      const version = await this.#deps.cri.version();
      this.#version = `${version.runtimeName}://${version.runtimeVersion.replace(/^v/, "")}`;
    } catch (error) {
      this.#deps.log.debug({ err: error }, "runtime status not read");
    }
  }

  #onPod(event: DesiredEvent): void {
    const pod = event.object.value as Pod;
    if (event.type === "put") this.#put(pod);
    else this.#workers.get(event.object.uid === "" ? podUid(pod) : event.object.uid)?.setGone();
  }

  /** A pod whose names would lead out of the agent's folders is refused before anything is made of it. */
  #isRunnable(pod: Pod): boolean {
    try {
      checkPod(pod);
      return true;
    } catch (error) {
      this.#metrics.actions.inc({ action: "accept", result: "error" });
      this.#deps.log.error({ err: error }, "pod refused");
      return false;
    }
  }

  #put(pod: Pod): void {
    if (!this.#isRunnable(pod)) return;
    const identity = identityOf(pod);
    for (const worker of this.#workers.values()) {
      const { name, namespace, uid } = worker.identity;
      if (name === identity.name && namespace === identity.namespace && uid !== identity.uid)
        worker.setGone();
    }
    this.#workerOf(identity).setDesired(pod);
  }

  #workerOf(identity: PodIdentity): PodWorker {
    const known = this.#workers.get(identity.uid);
    if (known) return known;
    const { uid } = identity;
    const worker = new PodWorker(this.#context, identity, {
      view: () => ({ synced: this.#view.synced, pod: this.#view.pods.get(uid) }),
      onForgotten: () => this.#drop(uid),
    });
    this.#workers.set(uid, worker);
    this.#metrics.workers.set(this.#workers.size);
    return worker;
  }

  #drop(uid: string): void {
    this.#workers.delete(uid);
    this.#metrics.workers.set(this.#workers.size);
  }

  #onRuntime(uids: readonly string[]): void {
    if (this.#stopped) return;
    for (const uid of uids) this.#workers.get(uid)?.wake();
    if (uids.some((uid) => !this.#workers.has(uid))) this.#sweep();
  }

  /** What the store does not know goes, but only after the cloud said in this session that the store is complete. */
  #sweep(): void {
    if (this.#stopped || !this.#view.synced || !this.#deps.isInventoryComplete()) return;
    const records = this.#deps.records.list(POD_BUCKET).map(([, value]) => value as PodRecord);
    for (const { uid, name, namespace } of [...this.#view.pods.values(), ...records]) {
      if (this.#workers.has(uid) || ![uid, name, namespace].every(isPathElement)) continue;
      this.#deps.log.info({ pod: name, namespace, uid }, "pod is not wanted here, removing it");
      this.#workerOf({ uid, name, namespace }).setGone();
    }
  }

  #onReferenced(object: StoredObject): void {
    this.#objects.drop(object.key).catch((error: unknown) => {
      this.#deps.log.warn({ key: object.key, err: error }, "outdated answer not dropped");
    });
    for (const worker of this.#usersOf(object)) worker.refresh();
  }

  #usersOf(object: Pick<StoredObject, "kind" | "namespace" | "name">): readonly PodWorker[] {
    return [...this.#workers.values()].filter(({ pod, identity }) => {
      if (!pod || identity.namespace !== object.namespace) return false;
      return referencesOf(pod).has(`${object.kind}/${object.name}`);
    });
  }

  #isReferenced(key: string): boolean {
    return this.#usersOf(parseKey(key)).length > 0;
  }

  #onConnection(connected: boolean): void {
    if (!connected) return;
    this.#objects.askAgain();
    for (const worker of this.#workers.values()) worker.connected();
  }
}

/** The part of the agent that runs pods. Nothing happens before `start()`. */
export function createPodEngine(deps: PodEngineDeps): PodEngine {
  return new Engine(deps);
}
