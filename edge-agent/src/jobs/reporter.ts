// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import type { Uplink } from "../tunnel/port.ts";
import type { JobMetrics } from "./metrics.ts";
import type { TaskBook } from "./records.ts";
import { stepReports, wholeReport, type ReportContext } from "./report.ts";
import { taskKey, type Task } from "./task.ts";

/** How patiently reports are sent, in milliseconds. */
export interface ReporterOptions {
  /** After a connect, reports go out within this time, so that a fleet does not report at once. */
  readonly spreadMs: number;
  /** Least time between two reports that only tell progress. */
  readonly progressGapMs: number;
  readonly requestTimeoutMs: number;
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
}

/** What the reporter needs of the agent. */
export interface ReporterDeps {
  readonly book: TaskBook;
  readonly uplink: Uplink;
  /** The session is our hub's, which answers; a CloudCore does not. */
  readonly isNegotiated: () => boolean;
  readonly node: string;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly metrics: JobMetrics;
  readonly random: () => number;
  readonly options: ReporterOptions;
}

/** A report that the hub will never take: it is malformed, or its job is gone or another one. */
const FINAL = /^(BAD|BadRequest|Invalid|INVALID_RESOURCE|STALE_UID|Conflict|NOT_FOUND|NotFound)\b/;

interface Telling {
  text?: string;
  isNews: boolean;
  sentMs: number;
}

/** The hub does not take it now. */
interface Pause {
  readonly failures: number;
  readonly untilMs: number;
}

/**
 * Tells the cloud how tasks stand until it has stored it. What is to be told is in the tasks' records, the newest alone:
 * nothing queues, and a crash loses nothing but progress. One report is on its way at a time.
 */
export class Reporter {
  readonly #deps: ReporterDeps;
  readonly #again = new Set<string>();
  readonly #tellings = new Map<string, Telling>();
  readonly #pauses = new Map<string, Pause>();
  #isSending = false;
  /** No report goes out: there is no connection, or it is to wait its turn. */
  #isHeld = true;
  #isStopped = false;
  #failures = 0;
  #cancelHold: (() => void) | undefined;
  #cancelDue: (() => void) | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(deps: ReporterDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#unsubscribe = this.#deps.uplink.onState((connected) => {
      if (connected) this.#connected();
      else this.#isHeld = true;
    });
    if (this.#deps.uplink.isConnected()) this.#connected();
    this.#count();
  }

  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe?.();
    this.#cancelHold?.();
    this.#cancelDue?.();
  }

  /** The task's record is another; what it was doing is over. */
  changed(key: string): void {
    this.#tellings.delete(key);
    this.#pauses.delete(key);
    this.#wake();
  }

  /** Tells of the task once more, though the cloud was told. */
  again(key: string): void {
    this.#again.add(key);
    this.#wake();
  }

  /** The task is on record no more. */
  forget(key: string): void {
    for (const known of [this.#tellings, this.#again, this.#pauses]) known.delete(key);
  }

  /** Lost when there is no connection, something newer comes, or the step ends soon: most do, and one write is saved. */
  progress(key: string, text: string): void {
    const sentMs = this.#tellings.get(key)?.sentMs ?? this.#deps.clock.monotonicMs();
    this.#tellings.set(key, { text, isNews: true, sentMs });
    this.#wake();
  }

  #connected(): void {
    this.#failures = 0;
    this.#pauses.clear();
    this.#hold(this.#deps.random() * this.#deps.options.spreadMs);
  }

  #hold(delayMs: number): void {
    this.#cancelHold?.();
    this.#isHeld = true;
    this.#cancelHold = this.#deps.clock.schedule(delayMs, () => {
      this.#isHeld = false;
      this.#wake();
    });
  }

  #wake(): void {
    this.#count();
    if (this.#isSending || this.#isHeld || this.#isStopped) return;
    this.#isSending = true;
    void this.#sendAll().finally(() => {
      this.#isSending = false;
      this.#count();
      if (this.#next() !== undefined) this.#wake(); // news came after the last look
    });
  }

  /** Never throws. */
  async #sendAll(): Promise<void> {
    try {
      for (let task = this.#next(); task !== undefined; task = this.#next()) {
        await this.#send(task);
        this.#failures = 0;
      }
    } catch (err) {
      this.#failed(err);
    }
  }

  /** The connection, or the store of this node: nothing else would do better now. */
  #failed(err: unknown): void {
    const { metrics, log, uplink } = this.#deps;
    if (this.#isStopped) return;
    metrics.reports.inc({ result: "failed" });
    log.debug({ err }, "a report of a job was not stored, it is told again");
    if (uplink.isConnected()) this.#hold(this.#backoffMs(this.#failures++)); // else the next session begins anew
  }

  /** This report alone: the others go on. */
  #refused(key: string, refusal: string): void {
    const { metrics, log, clock } = this.#deps;
    const failures = this.#pauses.get(key)?.failures ?? 0;
    this.#pauses.set(key, {
      failures: failures + 1,
      untilMs: clock.monotonicMs() + this.#backoffMs(failures),
    });
    metrics.reports.inc({ result: "failed" });
    log.debug({ key, refusal }, "the hub does not take a report of a job now");
  }

  #backoffMs(failures: number): number {
    const { options, random } = this.#deps;
    const ceilingMs = Math.min(options.retryMaxMs, options.retryBaseMs * 2 ** Math.min(failures, 20));
    return ceilingMs * (0.5 + random() / 2);
  }

  /** What is to be told now; looks again when the first of the others is due. */
  #next(): Task | undefined {
    this.#cancelDue?.();
    if (this.#isStopped || this.#isHeld || !this.#deps.uplink.isConnected()) return undefined;
    const due = this.#newest()
      .map((task) => ({ task, inMs: this.#dueInMs(task) }))
      .filter(({ inMs }) => inMs < Infinity)
      .sort((a, b) => a.inMs - b.inMs)[0];
    if (due === undefined || due.inMs <= 0) return due?.task;
    this.#cancelDue = this.#deps.clock.schedule(due.inMs, () => this.#wake());
    return undefined;
  }

  /** @returns Infinity when there is nothing to tell */
  #dueInMs(task: Task): number {
    const { clock, options, isNegotiated } = this.#deps;
    const key = taskKey(task.order);
    const pausedMs = Math.max(0, (this.#pauses.get(key)?.untilMs ?? 0) - clock.monotonicMs());
    if (isUntold(task) || this.#again.has(key)) return pausedMs;
    const telling = this.#tellings.get(key);
    if (telling?.isNews !== true || !isNegotiated()) return Infinity;
    return Math.max(pausedMs, telling.sentMs + options.progressGapMs - clock.monotonicMs());
  }

  /** The last attempt of each job: what an earlier one came to is no news any more. */
  #newest(): readonly Task[] {
    const newest = new Map<string, Task>();
    for (const task of this.#deps.book.list()) {
      const { uid, attempt } = task.order;
      if ((newest.get(uid)?.order.attempt ?? 0) <= attempt) newest.set(uid, task);
    }
    return [...newest.values()];
  }

  /** @throws {TunnelError | StoreError} */
  async #send(task: Task): Promise<void> {
    const { node, clock, isNegotiated, metrics } = this.#deps;
    const key = taskKey(task.order);
    const telling = this.#tellings.get(key);
    const context = { node, nowMs: clock.nowMs(), progress: telling?.text };
    const isRepeated = this.#again.has(key);
    if (telling !== undefined) Object.assign(telling, { isNews: false, sentMs: clock.monotonicMs() });
    if (isNegotiated()) {
      if (!(await this.#ask(task, context))) return;
    } else this.#tell(isRepeated ? { ...task, toldActions: 0 } : task, context);
    this.#pauses.delete(key);
    if (isRepeated) this.#again.delete(key);
    await this.#deps.book.change(key, (now) => toldUpTo(now, task));
    metrics.reports.inc({ result: "sent" });
  }

  /** @returns false when the hub does not take it now @throws {TunnelError} */
  async #ask(task: Task, context: ReportContext): Promise<boolean> {
    const { uplink, options, log, metrics } = this.#deps;
    const reply = await uplink.request(wholeReport(task, context), { timeoutMs: options.requestTimeoutMs });
    const refusal = refusalOf(reply);
    if (refusal === undefined) return true;
    if (!FINAL.test(refusal)) {
      this.#refused(taskKey(task.order), refusal);
      return false;
    }
    metrics.reports.inc({ result: "refused" });
    log.warn({ job: task.order.name, kind: task.order.kind, refusal }, "the hub takes no report of this job");
    return true;
  }

  /** @throws {TunnelError} */
  #tell(task: Task, context: ReportContext): void {
    for (const report of stepReports(task, context)) this.#deps.uplink.send(report);
  }

  #count(): void {
    this.#deps.metrics.waiting.set(this.#newest().filter(isUntold).length);
  }
}

const isUntold = ({ changes, told }: Task): boolean => changes > told;

function toldUpTo(now: Task, sent: Task): Task {
  const told = Math.max(now.told, sent.changes);
  const toldActions = Math.max(now.toldActions, sent.actions.length);
  return told === now.told && toldActions === now.toldActions ? now : { ...now, told, toldActions };
}

function refusalOf({ route, content }: Frame): string | undefined {
  if (route.operation !== "error") return undefined;
  return typeof content === "string" ? content.slice(0, 300) : "refused";
}
