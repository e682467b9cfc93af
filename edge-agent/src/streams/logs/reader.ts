// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { AgentLog } from "../../log.ts";
import type { ContainerRun, PodLookup } from "../port.ts";
import { Bell } from "./bell.ts";
import { LogFiles } from "./files.ts";
import { LogLines } from "./lines.ts";
import type { LogWants } from "./options.ts";

/** How a log is read. */
export interface LogReadOptions {
  /** What is read at once, and what waits for a slow reader. */
  readonly blockBytes: number;
  /** How often a followed log is looked at when nothing tells of a change. */
  readonly pollMs: number;
  /** What a runtime may still write to a file after it has opened the next, or after the container is over. */
  readonly settleMs: number;
  /** How long a followed log may take to appear, and how often it is looked for. */
  readonly appearMs: number;
  readonly appearPollMs: number;
}

export const LOG_READ_OPTIONS: LogReadOptions = {
  blockBytes: 64 * 1024,
  pollMs: 1000,
  settleMs: 250,
  appearMs: 10_000,
  appearPollMs: 100,
};

/** Counted of every log that is read. */
export interface LogCounters {
  /** a line that no runtime has written: it is left out */
  malformed(): void;
  /** files of a followed log were removed, perhaps unread */
  gap(): void;
}

export interface LogReaderDeps {
  readonly lookup: Pick<PodLookup, "isRunning">;
  readonly podLogsDir: string;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly options: LogReadOptions;
  readonly counters?: LogCounters;
}

/** What a follower reads at once while there is little. */
const IDLE_BYTES = 4096;

/** One run's log, piece by piece. One call at a time. */
export class LogReader {
  readonly #deps: LogReaderDeps;
  readonly #run: ContainerRun;
  readonly #path: string;
  readonly #wants: LogWants;
  readonly #bell: Bell;
  readonly #lines: LogLines;
  #files: LogFiles | undefined;
  #buffer = Buffer.alloc(0);
  #blockBytes: number;
  #isWatching = false;
  #lookedAtMs = 0;
  #isAsking = false;
  /** The container runs no more. */
  #isStopped: boolean;
  /** … and the runtime has had its time to write the rest. */
  #isOver: boolean;
  #hasSettled = false;
  #isClosed = false;
  readonly #told = new Set<string>();

  /** @param path of the log, from the folder of all logs */
  constructor(deps: LogReaderDeps, run: ContainerRun, path: string, wants: LogWants) {
    this.#deps = deps;
    this.#run = run;
    this.#path = path;
    this.#wants = wants;
    this.#bell = new Bell(deps.clock);
    this.#blockBytes = deps.options.blockBytes;
    this.#isStopped = !run.isRunning;
    this.#isOver = !run.isRunning;
    this.#lines = new LogLines(wants, () => {
      deps.counters?.malformed();
      this.#tellOnce("a line of a log is malformed");
    });
  }

  /** Opens what is there. @returns false when nothing is @throws {StreamError} FORBIDDEN */
  async open(): Promise<boolean> {
    const files = await LogFiles.open(this.#deps.podLogsDir, this.#path);
    this.#files = files;
    if (!files) return false;
    const { tailLines } = this.#wants;
    if (tailLines !== undefined)
      await files.skipToTail(tailLines, this.#deps.options.blockBytes, () => this.#isClosed);
    return true;
  }

  /** @returns the next piece; undefined at the end */
  async next(): Promise<Buffer | undefined> {
    if (!this.#files) await this.#appear();
    const files = this.#files;
    while (files && !this.#isClosed && !this.#lines.isDone) {
      const block = await this.#read(files);
      if (block.length > 0) {
        const out = this.#lines.write(block);
        if (out.length > 0) return out;
      } else if (!(await this.#hasMore(files))) break;
    }
    this.#lines.end();
    return undefined;
  }

  /** Has `open` and `next` return soon. */
  stop(): void {
    this.#isClosed = true;
    this.#bell.close();
  }

  /** To be called when no `next` is under way. */
  async close(): Promise<void> {
    this.stop();
    await this.#files?.close();
    this.#files = undefined;
  }

  /** A container that was just started may have no log yet. */
  async #appear(): Promise<void> {
    const { clock, options } = this.#deps;
    const untilMs = clock.monotonicMs() + options.appearMs;
    while (this.#wants.follow && !this.#isClosed) {
      const isLast = this.#isStopped || clock.monotonicMs() >= untilMs;
      if ((await this.open()) || isLast) return;
      this.#askWhetherRunning();
      await this.#bell.sleep(options.appearPollMs);
    }
  }

  async #read(files: LogFiles): Promise<Buffer> {
    if (this.#buffer.length !== this.#blockBytes) this.#buffer = Buffer.allocUnsafeSlow(this.#blockBytes);
    const bytes = await files.read(this.#buffer);
    this.#blockBytes =
      bytes === this.#buffer.length ? this.#deps.options.blockBytes : Math.min(IDLE_BYTES, this.#blockBytes);
    return this.#buffer.subarray(0, bytes);
  }

  /** At the end of a file: whether there is, or will be, more. Waits for it. */
  async #hasMore(files: LogFiles): Promise<boolean> {
    if (!this.#wants.follow) return false;
    if (files.hasNext) return this.#leave(files);
    if (this.#isOver) return this.#findNext(files);
    if (this.#isStopped) {
      await this.#bell.sleep(this.#deps.options.settleMs);
      this.#isOver = true;
      return true;
    }
    if (this.#isWatching) return this.#wait(files);
    // What was written before it was watched is read first.
    this.#isWatching = true;
    this.#lookedAtMs = this.#deps.clock.monotonicMs();
    const tell = (err: unknown): void => this.#tellOnce("a log cannot be watched and is polled", { err });
    this.#bell.watch(files.path, (name) => files.isMine(name), tell);
    return true;
  }

  async #wait(files: LogFiles): Promise<true> {
    const { clock, options } = this.#deps;
    const dueMs = this.#lookedAtMs + options.pollMs - clock.monotonicMs();
    const hasMoved = this.#bell.takeMoved();
    if (dueMs > 0 && !hasMoved) {
      await this.#bell.wait(dueMs);
      return true;
    }
    if (dueMs <= 0) {
      this.#lookedAtMs = clock.monotonicMs();
      this.#askWhetherRunning();
      if (await files.rewindIfCut()) this.#lines.end();
    }
    await this.#findNext(files);
    return true;
  }

  /** Goes on to the next file, after the runtime has had its time to write the rest of this one. */
  async #leave(files: LogFiles): Promise<true> {
    if (this.#isOver || this.#hasSettled) {
      this.#hasSettled = false;
      await files.goOn();
      this.#lines.end();
      return true;
    }
    await this.#bell.sleep(this.#deps.options.settleMs);
    this.#hasSettled = true;
    return true;
  }

  #findNext(files: LogFiles): Promise<boolean> {
    return files.findNext(() => {
      this.#deps.counters?.gap();
      this.#tellOnce("a followed log was removed before its end was read");
    });
  }

  /** Nothing waits for the answer: the runtime may be slow, and what is written meanwhile is read. */
  #askWhetherRunning(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#deps.lookup
      .isRunning(this.#run.id)
      .then((isRunning) => {
        if (isRunning) return;
        this.#isStopped = true;
        this.#bell.ring();
      })
      // A runtime that does not answer now says nothing about its containers.
      .catch((err: unknown) => this.#tellOnce("it is not known whether a followed container runs", { err }))
      .finally(() => (this.#isAsking = false));
  }

  #tellOnce(message: string, fields: object = {}): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#deps.log.warn({ ...fields, path: this.#path }, message);
  }
}
