// SPDX-License-Identifier: Apache-2.0
import type { TaskAddress } from "@longshore/crds/tasks";
import type { Clock } from "../../../runtime/clock.ts";
import { ApiError } from "../../../runtime/errors.ts";
import { backoffMs } from "../../backoff.ts";
import { Limiter } from "../../limiter.ts";
import { UplinkRefusal } from "../handler/index.ts";
import { isPassing } from "../handler/replies.ts";
import type { UplinkSession } from "../port.ts";
import { fold, join, NOTHING_TOLD, tell, type Pending } from "./fold.ts";
import type { Jobs } from "./jobs.ts";
import type { ReportStore } from "./store.ts";
import type { Told } from "./told.ts";

export interface WriterOptions {
  /** Between two writes of one job and node; what is told meanwhile waits, and only the newest is written. */
  readonly minWriteMs: number;
  readonly concurrency: number;
  /** Jobs and nodes that something waits for, in all and of one node, and what is told of them and not stored yet. */
  readonly maxLines: number;
  readonly maxLinesPerNode: number;
  readonly maxChars: number;
  readonly maxCharsPerNode: number;
  /** Frames that wait for one answer; the oldest is refused for one more. */
  readonly maxWaiters: number;
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
  /** An edge that waits for its answer is refused after so long, and tells it again. */
  readonly answerMs: number;
  /** An edge that tells a thing once is not refused: what it told is kept for so long while it cannot be stored. */
  readonly keepMs: number;
}

export const defaultWriterOptions: WriterOptions = {
  minWriteMs: 1_000,
  concurrency: 32,
  maxLines: 10_000,
  maxLinesPerNode: 16,
  maxChars: 64 * 1024 * 1024,
  maxCharsPerNode: 4 * 1024 * 1024,
  maxWaiters: 64,
  retryBaseMs: 250,
  retryCapMs: 10_000,
  answerMs: 20_000,
  keepMs: 600_000,
};

/** Who is to hear what became of a report. */
export interface Waiter {
  /** Called once: it is stored (undefined), or why it is not. */
  settle(error: unknown): void;
}

export type Outcome = "stored" | "unchanged" | "coalesced" | "retried" | "refused" | "lost";

export interface WriterDeps {
  readonly jobs: Jobs;
  readonly store: ReportStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly options: WriterOptions;
  readonly count: (address: TaskAddress, outcome: Outcome, times: number) => void;
}

/** A task as a session speaks of it. */
export interface Target {
  readonly address: TaskAddress;
  readonly session: UplinkSession;
}

interface Line {
  target: Target;
  pending: Pending;
  waiters: Waiter[];
  /** Of `pending`. */
  chars: number;
  /** Frames in `pending`. */
  frames: number;
  isRunning: boolean;
  failures: number;
  /** When the oldest of `pending` came. */
  sinceMs: number;
  /** A run is due then; what runs it. */
  cancel: (() => void) | undefined;
}

/** What one node has on its way. */
interface Share {
  lines: number;
  chars: number;
}

/** What a run takes off its line. */
type Batch = Pick<Line, "pending" | "waiters" | "chars" | "frames" | "sinceMs">;

/**
 * Writes what nodes tell of their tasks: one line a job and node, at most one write a second each, the newest alone.
 *
 * It goes on when the session has ended: a plain EdgeCore tells a thing once, and goes away right after it, to be
 * upgraded. Nothing is written over what a later session told, see `ReportStore`.
 */
export class ReportWriter {
  readonly #deps: WriterDeps;
  readonly #limiter: Limiter;
  readonly #lines = new Map<string, Line>();
  readonly #shares = new Map<string, Share>();
  #chars = 0;

  constructor(deps: WriterDeps) {
    this.#deps = deps;
    this.#limiter = new Limiter(deps.options.concurrency);
  }

  /** @throws {UplinkRefusal} RATE when too much waits */
  add(target: Target, told: Told, waiter: Waiter): void {
    const key = keyOf(target);
    const known = this.#lines.get(key);
    if (this.#isFull(target, known)) throw new UplinkRefusal("RATE", "too many reports wait");
    const line = known ?? this.#open(key, target);
    if (line.frames > 0) this.#deps.count(target.address, "coalesced", 1);
    else line.sinceMs = this.#deps.clock.nowMs();
    line.target = target;
    line.pending = tell(line.pending, told);
    line.frames += 1;
    this.#hold(line, (told.whole === undefined ? line.chars : 0) + sizeOf(told));
    this.#wait(line, waiter);
    if (!line.isRunning && line.cancel === undefined) void this.#run(key, line);
  }

  /** Jobs and nodes that something waits for, or was written for a moment ago. */
  get size(): number {
    return this.#lines.size;
  }

  #isFull({ address: { node } }: Target, known: Line | undefined): boolean {
    const { maxLines, maxLinesPerNode, maxChars, maxCharsPerNode } = this.#deps.options;
    const share = this.#shares.get(node) ?? { lines: 0, chars: 0 };
    if (this.#chars >= maxChars || share.chars >= maxCharsPerNode) return true;
    if (known !== undefined) return false;
    return this.#lines.size >= maxLines || share.lines >= maxLinesPerNode;
  }

  #open(key: string, target: Target): Line {
    const line: Line = {
      ...{ target, pending: NOTHING_TOLD, waiters: [], chars: 0, frames: 0 },
      ...{ isRunning: false, failures: 0, sinceMs: 0, cancel: undefined },
    };
    this.#lines.set(key, line);
    const { node } = target.address;
    const share = this.#shares.get(node) ?? { lines: 0, chars: 0 };
    share.lines += 1;
    this.#shares.set(node, share);
    return line;
  }

  #close(key: string, { target }: Line): void {
    this.#lines.delete(key);
    const { node } = target.address;
    const share = this.#shares.get(node);
    if (share === undefined) return;
    share.lines -= 1;
    if (share.lines === 0) this.#shares.delete(node);
  }

  /** Counts what a line holds, and what its run has taken and not stored yet. */
  #hold(line: Line, chars: number): void {
    this.#count(line, chars - line.chars);
    line.chars = chars;
  }

  #count({ target }: Line, chars: number): void {
    this.#chars += chars;
    const share = this.#shares.get(target.address.node);
    if (share !== undefined) share.chars += chars;
  }

  #wait(line: Line, waiter: Waiter): void {
    line.waiters.push(waiter);
    if (line.waiters.length <= this.#deps.options.maxWaiters) return;
    line.waiters.shift()?.settle(new UplinkRefusal("RATE", "a newer report took its place"));
  }

  #take(line: Line): Batch {
    const { pending, waiters, chars, frames, sinceMs } = line;
    line.pending = NOTHING_TOLD;
    line.waiters = [];
    line.frames = 0;
    line.chars = 0;
    return { pending, waiters, chars, frames, sinceMs };
  }

  async #run(key: string, line: Line): Promise<void> {
    line.isRunning = true;
    const batch = this.#take(line);
    const { address } = line.target;
    let waitMs = this.#deps.options.minWriteMs;
    try {
      const outcome = await this.#limiter.run(() => this.#write(line.target, batch.pending));
      line.failures = 0;
      this.#deps.count(address, outcome, 1);
      for (const waiter of batch.waiters) waiter.settle(undefined);
    } catch (error) {
      waitMs = this.#failed(line, batch, error);
    }
    line.isRunning = false;
    this.#count(line, -batch.chars);
    this.#later(key, line, waitMs);
  }

  /** The next write is due then; a line that has nothing to write by then is closed. */
  #later(key: string, line: Line, waitMs: number): void {
    line.cancel = this.#deps.clock.schedule(waitMs, () => {
      line.cancel = undefined;
      if (line.frames > 0) void this.#run(key, line);
      else this.#close(key, line);
    });
  }

  async #write({ address, session }: Target, pending: Pending): Promise<"stored" | "unchanged"> {
    const { uid } = pending.whole ?? {};
    const job = await this.#deps.jobs.find(address.kind, address.job, uid);
    if (job === undefined) throw new UplinkRefusal("NOT_FOUND", "there is no such job");
    if (uid !== undefined && uid !== job.uid) throw new UplinkRefusal("STALE_UID", "the job is another one");
    const isWhole = pending.whole !== undefined;
    return await this.#deps.store.write({
      jobUid: job.uid,
      node: address.node,
      needsStored: !isWhole,
      make: (stored) => fold(address, job, { stored, pending }),
      isOver: () => isWhole && session.signal.aborted,
    });
  }

  /** @returns when to try again */
  #failed(line: Line, batch: Batch, error: unknown): number {
    const { options, clock, random, count } = this.#deps;
    const { address, session } = line.target;
    const patienceMs = session.negotiated ? options.answerMs : options.keepMs;
    const isSuperseded = batch.pending.whole !== undefined && session.signal.aborted;
    const isOver = isSuperseded || isFinal(error) || clock.nowMs() - batch.sinceMs >= patienceMs;
    line.failures = isOver ? 0 : line.failures + 1;
    if (isOver) {
      count(address, session.negotiated || isFinal(error) ? "refused" : "lost", 1);
      for (const waiter of batch.waiters) waiter.settle(error);
      return options.minWriteMs;
    }
    count(address, "retried", 1);
    this.#putBack(line, batch);
    return backoffMs(line.failures, { baseMs: options.retryBaseMs, capMs: options.retryCapMs }, random());
  }

  #putBack(line: Line, batch: Batch): void {
    line.pending = join(batch.pending, line.pending);
    const waiters = [...batch.waiters, ...line.waiters];
    line.waiters = [];
    for (const waiter of waiters) this.#wait(line, waiter);
    line.frames += batch.frames;
    line.sinceMs = batch.sinceMs;
    this.#hold(line, sizeOf(line.pending));
  }
}

/** About what it takes in memory. */
const sizeOf = (told: Told | Pending): number => JSON.stringify(told).length;

/** The same report can never be stored. */
const isFinal = (error: unknown): boolean =>
  error instanceof ApiError
    ? !error.retryable && error.code !== 409 && error.code !== 403
    : !isPassing(error);

const keyOf = ({ address: { kind, job, node } }: Target): string => `${kind}/${job}/${node}`;
