// SPDX-License-Identifier: Apache-2.0
import type { JobKind } from "@longshore/crds/tasks";
import type { Frame } from "@longshore/crds/wire";
import type { Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import type { DesiredEvent, DesiredStore, RecordStore } from "../store/port.ts";
import type { Uplink } from "../tunnel/port.ts";
import type { CheckItems } from "./checks.ts";
import { createConfirmations } from "./confirmations.ts";
import { Intake } from "./intake.ts";
import { createJobMetrics, type JobMetrics } from "./metrics.ts";
import {
  chooseTasks,
  isRevocable,
  isUntouched,
  ORDER_TYPES,
  orderOf,
  planOrders,
  standingOrders,
} from "./orders.ts";
import type { Confirmations, Order, StepContext, StepOutcome, StepRunner } from "./port.ts";
import { createTaskBook, type TaskBook } from "./records.ts";
import { Reporter, type ReporterOptions } from "./reporter.ts";
import { runStep } from "./step.ts";
import { advance, isRunnable, newTask, taskKey, type EndOutcome, type Task } from "./task.ts";

/** Bounds and times. */
export interface JobsOptions extends ReporterOptions {
  /** Tasks that have not ended. */
  readonly maxTasks: number;
  /** Ended tasks that are remembered. */
  readonly maxEnded: number;
  /** Tasks that do not change the agent, at once. */
  readonly maxBeside: number;
  /** A step that was begun so often fails: the agent does not survive it. */
  readonly maxRuns: number;
  /** Characters of what a step keeps, as JSON. */
  readonly maxNoteChars: number;
  /** After a failure of the store. */
  readonly storeRetryMs: number;
  /** Longest wait for steps to end when the agent stops. */
  readonly stopMs: number;
}

export const DEFAULT_JOBS_OPTIONS: JobsOptions = {
  spreadMs: 5_000,
  progressGapMs: 10_000,
  requestTimeoutMs: 60_000,
  retryBaseMs: 2_000,
  retryMaxMs: 300_000,
  maxTasks: 100,
  maxEnded: 64,
  maxBeside: 2,
  maxRuns: 20,
  maxNoteChars: 65_536,
  storeRetryMs: 10_000,
  stopMs: 5_000,
};

/** What jobs need of the agent. */
export interface JobsDeps {
  readonly node: string;
  readonly store: DesiredStore;
  readonly records: RecordStore;
  readonly uplink: Uplink;
  /** The session is our hub's; towards a CloudCore reports are KubeEdge's. */
  readonly isNegotiated: () => boolean;
  readonly runners: readonly StepRunner[];
  readonly checkItems: CheckItems;
  /** Ends the process in order, so that it is started anew. */
  readonly restart: () => void;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly registry: Registry;
  readonly random: () => number;
  readonly options?: Partial<JobsOptions>;
}

/** The part of the agent that does what jobs order of this node. */
export interface Jobs {
  /** Goes on with what was cut, and takes what was ordered. */
  start(): Promise<void>;
  /** Steps that run are cut; they are run again by the next start. */
  stop(): Promise<void>;
  /** A CloudCore's order of a task. */
  take(frame: Frame): void;
  readonly confirmations: Confirmations;
}

export const createJobs = (deps: JobsDeps): Jobs => new Engine(deps);

/** Level-based: each look compares the orders that stand with the tasks on record, and lets run what may. */
class Engine implements Jobs {
  readonly confirmations: Confirmations;
  readonly #deps: JobsDeps;
  readonly #options: JobsOptions;
  readonly #metrics: JobMetrics;
  readonly #book: TaskBook;
  readonly #intake: Intake;
  readonly #reporter: Reporter;
  readonly #runners: ReadonlyMap<JobKind, StepRunner>;
  readonly #running = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #unsubscribe: (() => void)[] = [];
  #looking: Promise<void> | undefined;
  #isDirty = false;
  #isRestarting = false;
  #cancelRetry: (() => void) | undefined;

  constructor(deps: JobsDeps) {
    this.#deps = deps;
    this.#options = { ...DEFAULT_JOBS_OPTIONS, ...deps.options };
    this.#metrics = createJobMetrics(deps.registry);
    this.#book = createTaskBook(deps.records);
    this.#intake = new Intake(this.#book, { node: deps.node, maxTasks: this.#options.maxTasks });
    this.#reporter = new Reporter({
      ...deps,
      book: this.#book,
      metrics: this.#metrics,
      options: this.#options,
    });
    this.#runners = new Map(deps.runners.map((runner) => [runner.kind, runner]));
    this.confirmations = createConfirmations(this.#book, {
      mayGoOn: (task) => task.from === "cloudcore" || this.#stands(task.order),
      onConfirmed: () => this.#look(),
    });
  }

  async start(): Promise<void> {
    const { store, uplink } = this.#deps;
    for (const type of ORDER_TYPES)
      this.#unsubscribe.push(store.subscribe(type, (event) => this.#ordered(event)));
    this.#unsubscribe.push(uplink.onState((connected) => (connected ? this.#repeatStanding() : undefined)));
    this.#reporter.start();
    this.#look();
    await this.#looking;
  }

  async stop(): Promise<void> {
    for (const end of this.#unsubscribe) end();
    this.#reporter.stop();
    this.#cancelRetry?.();
    this.#stopping.abort();
    const ended = Promise.allSettled([this.#looking, ...this.#running.values()]);
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.#deps.clock.schedule(this.#options.stopMs, resolve);
    });
    await Promise.race([ended, late]);
    cancel();
  }

  take(frame: Frame): void {
    const verdict = this.#intake.take(frame);
    if (verdict.do === "accept") this.#look();
    else if (verdict.do === "tell") this.#reporter.again(verdict.key);
    else {
      this.#metrics.orders.inc({ kind: verdict.kind ?? "unknown", outcome: "refused" });
      const resource = frame.route.resource?.slice(0, 256);
      this.#deps.log.warn({ resource }, "an order of a CloudCore was not taken");
    }
  }

  #ordered(event: DesiredEvent): void {
    const order = orderOf(event.object);
    if (event.type === "put" && order !== undefined && this.#book.get(taskKey(order))?.state === "ended")
      this.#reporter.again(taskKey(order));
    this.#look();
  }

  /** The cloud still waits for these: it may have lost what it was told. */
  #repeatStanding(): void {
    for (const order of standingOrders(this.#deps.store)) {
      const task = this.#book.get(taskKey(order));
      if (task !== undefined && task.changes > 0) this.#reporter.again(taskKey(order));
    }
  }

  #look(): void {
    this.#isDirty = true;
    this.#looking ??= this.#lookWhileDirty().finally(() => {
      this.#looking = undefined;
      if (this.#isDirty && !this.#stopping.signal.aborted) this.#look(); // something came after the last look
    });
  }

  async #lookWhileDirty(): Promise<void> {
    try {
      while (this.#isDirty && !this.#stopping.signal.aborted) {
        this.#isDirty = false;
        await this.#settleOrders();
        if (!this.#isStopping()) this.#dispatch();
      }
    } catch (err) {
      this.#deps.log.error({ err }, "orders of jobs could not be stored, trying again");
      this.#retryLater();
    }
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted || this.#isRestarting;
  }

  /** @throws {StoreError} */
  async #settleOrders(): Promise<void> {
    const plan = planOrders(standingOrders(this.#deps.store), this.#book.list(), this.#options);
    for (const key of plan.remove) await this.#remove(key); // first: it makes room
    for (const order of plan.accept) await this.#accept(order, { from: "hub" });
    for (const taken of this.#intake.waiting()) {
      await this.#accept(taken.order, { from: "cloudcore", message: taken.message });
      this.#intake.stored(taken);
      this.#isDirty = true; // another may have to make way for it
    }
  }

  async #remove(key: string): Promise<void> {
    const task = this.#book.get(key);
    const mayGo = (now: Task): boolean => isUntouched(now) || now.state === "ended";
    await this.#book.remove(key, (now) => mayGo(now) && !this.#stands(now.order));
    if (task === undefined || this.#book.get(key) !== undefined) return; // it came again, or has begun
    this.#reporter.forget(key);
    if (task.state === "ended") return;
    const { kind, name: job } = task.order;
    this.#metrics.orders.inc({ kind, outcome: "withdrawn" });
    this.#deps.log.info({ kind, job }, "the order was withdrawn before it changed anything");
  }

  /** @throws {StoreError} */
  async #accept(order: Order, { from, message }: Pick<Task, "from" | "message">): Promise<void> {
    const sequence = (this.#book.list().at(-1)?.sequence ?? 0) + 1;
    await this.#book.add({ ...newTask(order, from, sequence), ...(message !== undefined && { message }) });
    const { kind, name: job, attempt } = order;
    this.#metrics.orders.inc({ kind, outcome: "accepted" });
    this.#deps.log.info({ kind, job, attempt }, "order of a job accepted");
  }

  #dispatch(): void {
    const changesAgent = (kind: JobKind): boolean => this.#runners.get(kind)?.changesAgent ?? false;
    const { maxBeside } = this.#options;
    for (const { order } of chooseTasks(this.#book.list(), changesAgent, maxBeside)) {
      const key = taskKey(order);
      if (this.#running.has(key)) continue;
      this.#running.set(key, this.#drive(key));
    }
  }

  /** Runs a task's steps until it ends or waits. Never throws. */
  async #drive(key: string): Promise<void> {
    try {
      while (!this.#isStopping() && (await this.#step(key)));
    } catch (err) {
      if (!this.#isStopping()) {
        this.#deps.log.error({ err, key }, "a step of a job is run again");
        this.#retryLater();
      }
      return;
    } finally {
      this.#running.delete(key);
    }
    this.#look();
  }

  /** @returns false when there is no next step now @throws {StoreError} and what a step throws when it is cut */
  async #step(key: string): Promise<boolean> {
    const begun = await this.#begin(key);
    if (begun === undefined) return false;
    const outcome = await this.#run(key, begun);
    if (!("ok" in outcome)) {
      this.#restart(begun);
      return false;
    }
    const event = { type: "end", outcome, timeMs: this.#deps.clock.nowMs() } as const;
    const task = await this.#book.change(key, (now) => advance(now, event));
    this.#reporter.changed(key);
    this.#tellOfStep(begun, outcome);
    return task !== undefined && isRunnable(task);
  }

  async #begin(key: string): Promise<Task | undefined> {
    const task = await this.#book.change(key, (now) =>
      isRevocable(now) && !this.#stands(now.order) ? now : advance(now, { type: "begin" }),
    );
    return task?.state === "running" ? task : undefined;
  }

  /** False once the order was withdrawn. */
  #stands(order: Order): boolean {
    return standingOrders(this.#deps.store).some((standing) => taskKey(standing) === taskKey(order));
  }

  async #run(key: string, task: Task): Promise<StepOutcome> {
    const { maxRuns } = this.#options;
    if (task.runs > maxRuns)
      return { ok: false, reason: `the agent ended ${maxRuns} times while it ran this step` };
    const runner = this.#runners.get(task.order.kind);
    return runStep(task.step, this.#context(key, task), { runner, checkItems: this.#deps.checkItems });
  }

  #context(key: string, { order }: Task): StepContext {
    return {
      order,
      signal: this.#stopping.signal,
      note: () => this.#book.get(key)?.note,
      keep: async (note) => {
        const text = JSON.stringify(note) as string | undefined;
        if ((text?.length ?? 0) > this.#options.maxNoteChars)
          throw new RangeError("a step wants to keep too much");
        await this.#book.change(key, (now) => advance(now, { type: "keep", note }));
      },
      progress: (text) => this.#reporter.progress(key, text),
    };
  }

  #restart({ order: { kind, name: job }, step }: Task): void {
    if (this.#isStopping()) return;
    this.#isRestarting = true;
    this.#deps.log.info({ kind, job, step }, "the agent ends to be started anew; containers go on running");
    this.#deps.restart();
  }

  #tellOfStep({ order: { kind, name: job }, step }: Task, outcome: EndOutcome): void {
    this.#metrics.steps.inc({ kind, step, outcome: outcome.ok ? "True" : "False" });
    if (outcome.ok) this.#deps.log.info({ kind, job, step }, "step of a job done");
    else this.#deps.log.warn({ kind, job, step, reason: outcome.reason }, "step of a job failed");
  }

  #retryLater(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = this.#deps.clock.schedule(this.#options.storeRetryMs, () => this.#look());
  }
}
