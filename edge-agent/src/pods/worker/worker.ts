// SPDX-License-Identifier: Apache-2.0
import type { ObservedPod, Pod, PodStatus } from "../model/index.ts";
import { plan, type Plan } from "../plan/index.ts";
import { Prober } from "../probes/index.ts";
import type { ObservedView, PodContext } from "./context.ts";
import { Executor } from "./executor.ts";
import { type PodIdentity, PodState } from "./state.ts";
import { type After, Steps } from "./steps.ts";
import { Stopper } from "./stopper.ts";

const HOLD_BASE_MS = 500;
const HOLD_CAP_MS = 60_000;
/** Passes without a pause after which something is wrong with the plan; the worker slows down instead of spinning. */
const MAX_BUSY_PASSES = 40;
const BUSY_HOLD_MS = 5_000;

/**
 * One pod: a serial loop of observe → plan → act. Anything that may have changed something calls
 * `wake()`; stops and pulls run beside the loop and wake it when they end.
 */
export class PodWorker {
  readonly #context: PodContext;
  readonly #view: ObservedView;
  readonly #state: PodState;
  readonly #executor: Executor;
  readonly #prober: Prober;
  readonly #stopper: Stopper;
  readonly #steps: Steps;
  readonly #onForgotten: () => void;
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
    this.#view = hooks.view;
    this.#onForgotten = hooks.onForgotten;
    this.#state = new PodState(context, identity);
    this.#executor = new Executor(context, this.#state.journal, () => this.#release());
    this.#prober = new Prober(context, () => this.wake());
    this.#stopper = new Stopper(context, this.#executor, {
      onStopped: () => this.wake(),
      onFailed: () => this.#hold(HOLD_BASE_MS),
    });
    this.#steps = new Steps(context, this.#state, {
      executor: this.#executor,
      stopper: this.#stopper,
      probes: () => this.#prober.results(),
    });
  }

  get identity(): PodIdentity {
    return this.#state.identity;
  }

  get pod(): Pod | undefined {
    return this.#state.pod;
  }

  /** As it was computed last. */
  get status(): PodStatus | undefined {
    return this.#state.journal.value.status;
  }

  /** The object as the store holds it now. */
  setDesired(pod: Pod): void {
    if (this.#state.setDesired(pod)) this.#release();
  }

  /** The API object is no more. */
  setGone(): void {
    if (this.#state.setGone()) this.#release();
  }

  /** A ConfigMap, a Secret or a token may have changed. */
  refresh(): void {
    this.#state.volumesStale = true;
    this.#state.dropWaits((wait) => wait.untilMs !== Infinity);
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
    this.#state.dropWaits((wait) => wait.untilMs === Infinity);
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
      this.#context.log.warn(
        { ...this.identity, err: error, delayMs },
        "pod not brought forward, trying again",
      );
      this.#hold(delayMs);
    }
  }

  async #pass(): Promise<void> {
    const view = this.#view();
    if (!view.synced || this.#state.want === "keep") return;
    await this.#state.accept();
    this.#state.restarts.note(view.pod);
    const isHeld = this.#holdUntilMs > this.#context.clock.monotonicMs();
    const next = isHeld ? { actions: [], againAtMs: this.#holdUntilMs } : plan(this.#input(view.pod));
    if (!isHeld) await this.#refreshVolumes(view.pod);
    this.#report(view.pod);
    await this.#carryOut(next, view.pod);
    if (this.#stopped) return;
    if (next.againAtMs !== undefined) this.#wakeAt(next.againAtMs);
    this.#prober.sync(this.#state.pod, this.#state.want === "run" ? view.pod : undefined);
  }

  #input(observed: ObservedPod | undefined): Parameters<typeof plan>[0] {
    return this.#state.input(observed, { stopping: this.#stopper.deadlines, probes: this.#prober.results() });
  }

  async #carryOut(next: Plan, observed: ObservedPod | undefined): Promise<void> {
    if (next.actions.length === 0) {
      this.#busy = 0;
      return;
    }
    const afters = new Set<After>();
    for (const action of next.actions) {
      afters.add(await this.#steps.perform(action, observed));
      if (this.#stopped) return;
    }
    this.#failures = 0;
    // Wanted again while it was being forgotten: it stays, and starts from nothing.
    if (afters.has("forgotten") && this.#state.want === "gone") {
      this.stop();
      this.#onForgotten();
      return;
    }
    await this.#goOn(afters, next);
  }

  async #goOn(afters: ReadonlySet<After>, next: Plan): Promise<void> {
    // What the cloud said meanwhile is not slept through.
    if (afters.has("rest") && this.#state.want === "delete") this.#holdUntilMs = Infinity;
    if (afters.has("relist")) await this.#context.relist();
    if (afters.has("relist") || afters.has("again") || afters.has("rest")) this.wake();
    this.#busy += 1;
    if (this.#busy <= MAX_BUSY_PASSES) return;
    this.#busy = 0;
    const actions = next.actions.map((a) => a.kind);
    this.#context.log.error({ ...this.identity, actions }, "pod makes no progress, slowing down");
    this.#hold(BUSY_HOLD_MS);
  }

  #hold(delayMs: number): void {
    this.#holdUntilMs = this.#context.clock.monotonicMs() + delayMs;
    this.#wakeAt(this.#holdUntilMs);
  }

  #wakeAt(monoMs: number): void {
    this.#cancelTimer?.();
    if (this.#stopped) return;
    const delayMs = Math.max(1, monoMs - this.#context.clock.monotonicMs());
    this.#cancelTimer = this.#context.clock.schedule(delayMs, () => this.wake());
  }

  async #refreshVolumes(observed: ObservedPod | undefined): Promise<void> {
    const { pod, want, volumesStale, volumesReady } = this.#state;
    if (!volumesStale || !volumesReady || want !== "run" || !pod) return;
    this.#state.volumesStale = false;
    try {
      await this.#executor.refreshVolumes(pod, observed);
    } catch (error) {
      this.#context.log.warn({ ...this.identity, err: error }, "volumes not updated");
    }
  }

  #report(observed: ObservedPod | undefined): void {
    const status = this.#state.status(observed, this.#prober.results());
    if (!status || this.#state.want === "gone" || this.#state.apiDeleted) return;
    this.#state.journal.writeSoon({ status });
    this.#context.sender.set(this.identity, status);
  }
}
