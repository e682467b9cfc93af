// SPDX-License-Identifier: Apache-2.0
import { deleteFromApi } from "./api-delete.ts";
import type { ObservedView, PodContext } from "./context.ts";
import { messageOf } from "./errors.ts";
import { Executor } from "./executor.ts";
import { specHash } from "./hashes.ts";
import { ANNOTATION, checkPod } from "./identity.ts";
import { freshRecord, Journal } from "./journal.ts";
import { isAlive, type ObservedPod } from "./observed.ts";
import { plan } from "./plan.ts";
import {
  DEFAULT_GRACE_SECONDS,
  type Action,
  type Plan,
  type PlanInput,
  type Wait,
  type Want,
} from "./plan-types.ts";
import { allContainers, isTerminalPhase, podNamespace, podUid, type Pod } from "./pod.ts";
import { Prober } from "./prober.ts";
import type { PodRecord } from "./record.ts";
import { Restarts } from "./restarts.ts";
import { podStatus } from "./status.ts";
import { Stopper } from "./stopper.ts";
import { rfc3339 } from "./time.ts";

export interface PodIdentity {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}

export const identityOf = (pod: Pod): PodIdentity => ({
  uid: podUid(pod),
  name: pod.metadata.name,
  namespace: podNamespace(pod),
});

const HOLD_BASE_MS = 500;
const HOLD_CAP_MS = 60_000;
/** Passes without a pause after which something is wrong with the plan; the worker slows down instead of spinning. */
const MAX_BUSY_PASSES = 40;
/** A final status that the cloud keeps refusing does not hold the deletion up for ever. */
const MAX_FLUSH_TRIES = 3;
const BUSY_HOLD_MS = 5_000;

/**
 * One pod: a serial loop of observe → plan → act. Anything that may have changed something calls
 * `wake()`; stops and pulls run beside the loop and wake it when they end.
 */
export class PodWorker {
  readonly identity: PodIdentity;
  readonly #context: PodContext;
  readonly #view: ObservedView;
  readonly #journal: Journal;
  readonly #executor: Executor;
  readonly #prober: Prober;
  readonly #restarts: Restarts;
  readonly #stopper: Stopper;
  readonly #onForgotten: () => void;
  #pod: Pod | undefined;
  #want: Want = "keep";
  #waits: Record<string, Wait> = {};
  #acceptedMonoMs: number;
  #deletionMonoMs: number | undefined;
  #volumesReady = false;
  #volumesStale = false;
  #cleaned = false;
  #apiDeleted = false;
  #holdUntilMs = 0;
  #failures = 0;
  #busy = 0;
  #dirty = false;
  #running = false;
  #stopped = false;
  #cancelTimer: (() => void) | undefined;

  constructor(
    context: PodContext,
    identity: PodIdentity,
    hooks: { view: ObservedView; onForgotten: () => void },
  ) {
    this.#context = context;
    this.identity = identity;
    this.#view = hooks.view;
    this.#onForgotten = hooks.onForgotten;
    const nowMs = context.clock.nowMs();
    this.#journal = new Journal(context.records, context.log, freshRecord(identity, rfc3339(nowMs), nowMs));
    this.#executor = new Executor(context, this.#journal, () => this.#release());
    this.#prober = new Prober(context, () => this.wake());
    const monoMs = context.clock.monotonicMs();
    this.#acceptedMonoMs = monoMs - Math.max(0, nowMs - this.#journal.value.acceptedAtMs);
    const { deletion } = this.#journal.value;
    if (deletion) this.#deletionMonoMs = monoMs - Math.max(0, nowMs - deletion.startedAtMs);
    this.#restarts = new Restarts(this.#journal, context.clock);
    this.#stopper = new Stopper(context, this.#executor, {
      onStopped: () => this.wake(),
      onFailed: () => {
        this.#holdUntilMs = context.clock.monotonicMs() + HOLD_BASE_MS;
      },
    });
  }

  get pod(): Pod | undefined {
    return this.#pod;
  }

  /** The object as the store holds it now. */
  setDesired(pod: Pod): void {
    const isChanged = this.#pod !== pod;
    this.#pod = pod;
    this.#want = pod.metadata.deletionTimestamp ? "delete" : "run";
    if (this.#want === "run") this.#undelete();
    if (isChanged) this.#release();
  }

  /** Wanted again after the store had dropped it (an inventory that was corrected): the end begins anew. */
  #undelete(): void {
    this.#cleaned = false;
    this.#deletionMonoMs = undefined;
    this.#journal.forgetDeletion();
  }

  /** The API object is no more. */
  setGone(): void {
    if (this.#want === "gone") return;
    this.#want = "gone";
    this.#release();
  }

  /** A ConfigMap, a Secret, a token or the connection may have changed. */
  refresh(): void {
    this.#volumesStale = true;
    this.#waits = Object.fromEntries(Object.entries(this.#waits).filter(([, w]) => w.untilMs === Infinity));
    this.wake();
  }

  /** The cloud is there again: what waited for it goes on. */
  connected(): void {
    this.#holdUntilMs = 0;
    this.refresh();
  }

  wake(): void {
    this.#dirty = true;
    if (!this.#running && !this.#stopped) void this.#loop();
  }

  /** Stops deciding. What runs, runs on. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#prober.stop();
  }

  /** Something that was waited for has come: what was held back is tried at once. */
  #release(): void {
    this.#holdUntilMs = 0;
    this.#failures = 0;
    this.#waits = Object.fromEntries(Object.entries(this.#waits).filter(([, w]) => w.untilMs !== Infinity));
    this.wake();
  }

  async #loop(): Promise<void> {
    this.#running = true;
    try {
      while (this.#dirty && !this.#stopped) {
        this.#dirty = false;
        await this.#guardedPass();
      }
    } finally {
      this.#running = false;
    }
  }

  async #guardedPass(): Promise<void> {
    try {
      await this.#pass();
    } catch (error) {
      this.#failures += 1;
      const delayMs = Math.min(HOLD_CAP_MS, HOLD_BASE_MS * 2 ** Math.min(this.#failures, 10));
      this.#holdUntilMs = this.#context.clock.monotonicMs() + delayMs;
      this.#context.log.warn(
        { ...this.#log(), err: error, delayMs },
        "pod not brought forward, trying again",
      );
      this.#wakeAt(this.#holdUntilMs);
    }
  }

  #log(): { pod: string; namespace: string; uid: string } {
    return { pod: this.identity.name, namespace: this.identity.namespace, uid: this.identity.uid };
  }

  async #pass(): Promise<void> {
    const view = this.#view();
    if (!view.synced || this.#want === "keep") return;
    await this.#accept();
    this.#restarts.note(view.pod);
    const held = this.#holdUntilMs > this.#context.clock.monotonicMs();
    const next: Plan = held ? { actions: [], againAtMs: this.#holdUntilMs } : plan(this.#input(view.pod));
    await this.#refreshVolumes(view.pod, held);
    this.#report(view.pod);
    await this.#carryOut(next, view.pod);
    if (next.againAtMs !== undefined) this.#wakeAt(next.againAtMs);
    this.#prober.sync(this.#pod, this.#want === "run" ? view.pod : undefined);
  }

  async #carryOut(next: Plan, observed: ObservedPod | undefined): Promise<void> {
    if (next.actions.length === 0) {
      this.#busy = 0;
      return;
    }
    let isObservable = false;
    for (const action of next.actions) {
      isObservable = (await this.#execute(action, observed)) || isObservable;
    }
    this.#failures = 0;
    this.#busy += 1;
    if (this.#busy > MAX_BUSY_PASSES) this.#slowDown(next);
    if (isObservable) await this.#context.relist();
    if (isObservable || next.actions.some((a) => a.kind !== "killContainer" && a.kind !== "startContainer"))
      this.wake();
  }

  #slowDown(next: Plan): void {
    this.#busy = 0;
    this.#holdUntilMs = this.#context.clock.monotonicMs() + BUSY_HOLD_MS;
    this.#context.log.error(
      { ...this.#log(), actions: next.actions.map((a) => a.kind) },
      "pod makes no progress, slowing down",
    );
    this.#wakeAt(this.#holdUntilMs);
  }

  #wakeAt(monoMs: number): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#context.clock.schedule(
      Math.max(1, monoMs - this.#context.clock.monotonicMs()),
      () => this.wake(),
    );
  }

  /** The pod's first moment on this node, and the start of its deletion, are durable before anything is done. */
  async #accept(): Promise<void> {
    const record = this.#journal.value;
    if (this.#pod) checkPod(this.#pod);
    if (this.#want === "delete" || this.#want === "gone") {
      const { clock } = this.#context;
      this.#deletionMonoMs ??= clock.monotonicMs();
      await this.#journal.write({ deletion: record.deletion ?? { startedAtMs: clock.nowMs() } });
      return;
    }
    await this.#journal.write({});
  }

  #graceMs(observed: ObservedPod | undefined): number {
    const meta = this.#pod?.metadata.deletionGracePeriodSeconds;
    const spec = this.#pod?.spec.terminationGracePeriodSeconds;
    const noted = Number(observed?.containers[0]?.annotations[ANNOTATION.podGrace] ?? NaN);
    const fallback = Number.isFinite(noted) ? noted : DEFAULT_GRACE_SECONDS;
    return Math.max(0, meta ?? spec ?? fallback) * 1000;
  }

  #input(observed: ObservedPod | undefined): PlanInput {
    const nowMs = this.#context.clock.monotonicMs();
    const record = this.#journal.value;
    return {
      want: this.#want,
      pod: this.#pod,
      observed,
      nowMs,
      restartAtMs: this.#restarts.atMs,
      waits: this.#waits,
      stopping: this.#stopper.deadlines,
      probes: this.#prober.results(),
      attempts: record.attempts,
      sandboxAttempt: record.sandboxAttempt,
      terminal: this.#terminal() !== undefined,
      activeForMs: nowMs - this.#acceptedMonoMs,
      deadlineMs: (this.#deletionMonoMs ?? nowMs) + this.#graceMs(observed),
      volumesReady: this.#volumesReady,
      cleaned: this.#cleaned,
      specHashes: this.#specHashes(),
    };
  }

  #specHashes(): Readonly<Record<string, string>> {
    const pod = this.#pod;
    return pod
      ? Object.fromEntries(allContainers(pod).map(({ container }) => [container.name, specHash(container)]))
      : {};
  }

  /** Ended for good: by its own containers here, or by the API (an eviction). */
  #terminal(): PodRecord["terminal"] | undefined {
    const own = this.#journal.value.terminal;
    if (own) return own;
    const status = this.#pod?.status;
    if (!isTerminalPhase(status?.phase)) return undefined;
    return {
      phase: status.phase,
      ...(status.reason !== undefined && { reason: status.reason }),
      ...(status.message !== undefined && { message: status.message }),
    };
  }

  async #refreshVolumes(observed: ObservedPod | undefined, held: boolean): Promise<void> {
    if (!this.#volumesStale || !this.#volumesReady || held || this.#want !== "run" || !this.#pod) return;
    this.#volumesStale = false;
    try {
      await this.#executor.refreshVolumes(this.#pod, observed);
    } catch (error) {
      this.#context.log.warn({ ...this.#log(), err: error }, "volumes not updated");
    }
  }

  #status(observed: ObservedPod | undefined): ReturnType<typeof podStatus> | undefined {
    const pod = this.#pod;
    if (!pod) return undefined;
    const { clock, node } = this.#context;
    const record = this.#journal.value;
    const isEnding = this.#want === "delete" || this.#want === "gone";
    return podStatus({
      pod,
      observed,
      nodeIp: node.ip,
      startTime: record.startTime,
      now: rfc3339(clock.nowMs()),
      nowMs: clock.monotonicMs(),
      waits: this.#waits,
      restartAtMs: this.#restarts.atMs,
      probes: this.#prober.results(),
      attempts: record.attempts,
      previous: record.status,
      terminal: this.#terminal(),
      ended: isEnding && !(observed?.containers ?? []).some(isAlive),
    });
  }

  #report(observed: ObservedPod | undefined): void {
    const status = this.#status(observed);
    if (!status || this.#want === "gone" || this.#apiDeleted) return;
    this.#journal.writeSoon({ status });
    this.#context.sender.set(this.identity, status);
  }

  async #execute(action: Action, observed: ObservedPod | undefined): Promise<boolean> {
    try {
      const isObservable = await this.#perform(action, observed);
      this.#context.countAction(action.kind, true);
      return isObservable;
    } catch (error) {
      this.#context.countAction(action.kind, false);
      throw error;
    }
  }

  /** @returns true when the runtime has to be looked at again */
  async #perform(action: Action, observed: ObservedPod | undefined): Promise<boolean> {
    const { cri } = this.#context;
    switch (action.kind) {
      case "killContainer":
        this.#stopper.begin(action, this.#pod, observed);
        return false;
      case "stopSandbox":
        await cri.stopPodSandbox(action.id);
        return true;
      case "removeSandbox":
        await cri.removePodSandbox(action.id);
        return true;
      case "removeContainer":
        await cri.removeContainer(action.id);
        return true;
      case "mountVolumes":
      case "createSandbox":
      case "startContainer":
      case "startCreated":
        return this.#bringUp(action, observed);
      default:
        return this.#wrapUp(action, observed);
    }
  }

  async #bringUp(
    action: Extract<Action, { kind: "mountVolumes" | "createSandbox" | "startContainer" | "startCreated" }>,
    observed: ObservedPod | undefined,
  ): Promise<boolean> {
    const pod = this.#pod;
    if (!pod) return false;
    switch (action.kind) {
      case "mountVolumes":
        return this.#mountVolumes(pod);
      case "createSandbox":
        return this.#createSandbox(pod, action);
      case "startCreated": {
        const container = allContainers(pod).find(({ container: c }) => c.name === action.name)?.container;
        if (container) await this.#executor.start(pod, container, action.id, observed);
        return true;
      }
      case "startContainer": {
        const { wait } = await this.#executor.startContainer(pod, action, observed);
        this.#setWait(action.name, wait?.wait);
        return wait?.wait.reason !== "ContainerCreating";
      }
    }
  }

  #setWait(name: string, wait: Wait | undefined): void {
    const others = Object.entries(this.#waits).filter(([other]) => other !== name);
    this.#waits = Object.fromEntries(wait ? [...others, [name, wait]] : others);
    if (wait) this.#dirty = true;
  }

  async #mountVolumes(pod: Pod): Promise<boolean> {
    try {
      await this.#executor.mountVolumes(pod);
      this.#volumesReady = true;
      this.#volumesStale = false;
      this.#setWait("", undefined);
    } catch (error) {
      this.#holdPod("FailedMount", error);
    }
    return false;
  }

  async #createSandbox(pod: Pod, action: Extract<Action, { kind: "createSandbox" }>): Promise<boolean> {
    try {
      await this.#executor.createSandbox(pod, action);
      this.#setWait("", undefined);
    } catch (error) {
      this.#holdPod("FailedCreatePodSandBox", error);
    }
    return true;
  }

  #holdPod(reason: string, error: unknown): void {
    const { clock, log, events } = this.#context;
    this.#failures += 1;
    const delayMs = Math.min(HOLD_CAP_MS, HOLD_BASE_MS * 2 ** Math.min(this.#failures - 1, 10));
    this.#setWait("", { reason, message: messageOf(error), untilMs: clock.monotonicMs() + delayMs });
    log.warn({ ...this.#log(), reason, err: error, delayMs }, "pod held back");
    if (this.#pod) events.emit(this.#pod, { type: "Warning", reason, message: messageOf(error) });
  }

  async #wrapUp(action: Action, observed: ObservedPod | undefined): Promise<boolean> {
    const { uid } = this.identity;
    switch (action.kind) {
      case "markTerminal": {
        await this.#journal.write({ terminal: action.end });
        this.#context.log.info({ ...this.#log(), phase: action.end.phase }, "pod ended");
        return false;
      }
      case "recordFinal": {
        const status = this.#status(observed);
        if (status) await this.#journal.write({ status });
        return false;
      }
      case "unmountVolumes":
        await this.#executor.unmountVolumes(uid);
        this.#volumesReady = false;
        return true;
      case "cleanUp":
        await this.#executor.cleanUp(this.identity);
        this.#cleaned = true;
        return true;
      case "deleteFromApi":
        return this.#deleteFromApi();
      case "forget":
        return this.#forget();
      default:
        return false;
    }
  }

  async #deleteFromApi(): Promise<boolean> {
    if (this.#apiDeleted || !this.#context.uplink.isConnected()) return this.#rest();
    await deleteFromApi(this.#context, this.identity, this.#failures < MAX_FLUSH_TRIES);
    this.#apiDeleted = true;
    this.#context.log.info(this.#log(), "pod deleted");
    return this.#rest();
  }

  /** Nothing to do until the cloud speaks: its connect or its delete wakes the worker. */
  #rest(): boolean {
    this.#holdUntilMs = Infinity;
    return false;
  }

  async #forget(): Promise<boolean> {
    this.#context.sender.forget(this.identity.uid);
    await this.#journal.forget();
    this.stop();
    this.#onForgotten();
    return false;
  }
}
