// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../runtime/clock.ts";
import type { DeviceMetrics } from "../metrics.ts";
import { TokenBucket } from "../rate.ts";
import { charsOf, newestOf } from "./device-order.ts";
import type { DeviceReport } from "./device-report.ts";
import { UplinkRefusal } from "./handler/index.ts";
import type { UplinkSession } from "./port.ts";

/** A device as a session speaks of it. */
export interface DeviceTarget {
  readonly session: UplinkSession;
  readonly namespace: string;
  readonly name: string;
  /** Of the Device that the edge has; undefined when it does not tell. */
  readonly uid?: string;
}

/** Who is to hear what became of a report. */
export interface Waiter {
  /** Called once: the report is in the DeviceStatus (undefined), or why it is not. */
  settle(error: unknown, target: DeviceTarget): void;
  /** Nobody waits any more. */
  readonly isGone?: boolean;
}

export interface WriterOptions {
  /** Writes of DeviceStatuses of this hub, and at once after a quiet time. */
  readonly writesPerSecond: number;
  readonly burst: number;
  /** Devices in work at a time, in all and of one session. */
  readonly concurrency: number;
  readonly concurrencyPerSession: number;
  /** Devices that wait, in all and of one session; what they and those in work hold, in characters. */
  readonly maxDevices: number;
  readonly maxDevicesPerSession: number;
  readonly maxChars: number;
  readonly maxCharsPerSession: number;
  /** Frames that wait for one device; the oldest is refused for one more, its values stay where none is newer. */
  readonly maxWaiters: number;
  /** Properties of one device; more are left out. As many as a Device may have. */
  readonly maxProperties: number;
}

export const defaultWriterOptions: WriterOptions = {
  writesPerSecond: 100,
  burst: 20,
  concurrency: 64,
  concurrencyPerSession: 16,
  maxDevices: 50_000,
  maxDevicesPerSession: 10_000,
  maxChars: 64 * 1024 * 1024,
  maxCharsPerSession: 16 * 1024 * 1024,
  maxWaiters: 64,
  maxProperties: 1_000,
};

/** What one run cost: calls of the API server, and how many of them wrote. */
export interface Cost {
  reads: number;
  writes: number;
}

export interface WriterDeps {
  readonly clock: Clock;
  readonly options: WriterOptions;
  readonly metrics: DeviceMetrics;
  /** Makes the report durable. Counts what it does even when it fails. */
  readonly run: (target: DeviceTarget, report: DeviceReport, cost: Cost) => Promise<void>;
}

interface Added {
  readonly target: DeviceTarget;
  readonly report: DeviceReport;
  readonly waiter: Waiter;
}

interface Entry extends Omit<Added, "waiter"> {
  readonly sinceMs: number;
  readonly chars: number;
  readonly waiters: readonly Waiter[];
}

/** What one session waits for: its devices, the one that waits longest first. */
interface Line {
  readonly waiting: Map<string, Entry>;
  readonly running: Set<string>;
  /** of both */
  chars: number;
}

interface Next {
  readonly line: Line;
  readonly key: string;
  readonly entry: Entry;
}

/**
 * Stands between what sessions report and the API server: of each device the newest waits, and so many are written a
 * second. Sessions take turns, and within a session the device that waits longest is next, so that nobody is kept
 * waiting by another's load. A waiter is told only of what is durable; what waits here is lost with the hub, and the
 * edge, which was told nothing, sends it again.
 */
export class DeviceWriter {
  readonly #deps: WriterDeps;
  readonly #bucket: TokenBucket;
  /** By connection, for as long as its session lives. */
  readonly #lines = new Map<string, Line>();
  /** Lines with devices that wait; whose turn is next comes first. */
  readonly #turns = new Set<Line>();
  #devices = 0;
  #chars = 0;
  #running = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(deps: WriterDeps) {
    this.#deps = deps;
    const { writesPerSecond, burst } = deps.options;
    this.#bucket = new TokenBucket(writesPerSecond, burst, deps.clock.nowMs());
    deps.metrics.watch(() => ({ waiting: this.#devices, oldestSeconds: this.#oldestMs() / 1000 }));
  }

  /** Devices that wait. */
  get size(): number {
    return this.#devices;
  }

  /** What they, and those that are being written, hold. */
  get chars(): number {
    return this.#chars;
  }

  /** @returns false, and nothing taken, when there is no room */
  add(target: DeviceTarget, report: DeviceReport, waiter: Waiter): boolean {
    const { session } = target;
    if (session.signal.aborted) return true; // nobody is left to be told
    const key = `${target.namespace}/${target.name}|${target.uid ?? ""}`;
    const line = this.#lines.get(session.connection) ?? newLine();
    const isTaken = this.#put(line, key, { target, report, waiter });
    if (!isTaken) return false;
    if (!this.#lines.has(session.connection)) this.#open(session, line);
    this.#turns.add(line);
    this.#pump();
    return true;
  }

  #put(line: Line, key: string, added: Added): boolean {
    const held = line.waiting.get(key);
    const entry = held === undefined ? this.#newEntry(added) : this.#laidOver(held, added);
    const moreChars = entry.chars - (held?.chars ?? 0);
    if (held === undefined && this.#isCrowded(line)) return false;
    if (!this.#hasRoom(line, moreChars)) return false;
    this.#weigh(line, moreChars);
    // In its place, where it was held: a newer report waits no longer for that.
    line.waiting.set(key, this.#withoutOldest(entry));
    if (held === undefined) this.#devices += 1;
    else this.#deps.metrics.coalesced.inc();
    return true;
  }

  #newEntry({ target, report, waiter }: Added): Entry {
    const sinceMs = this.#deps.clock.nowMs();
    return { target, sinceMs, report, chars: charsOf(report), waiters: [waiter] };
  }

  #laidOver({ target, sinceMs, ...held }: Entry, { report: given, waiter }: Added): Entry {
    const report = newestOf(held.report, given, {
      nowMs: this.#deps.clock.wallMs(),
      maxProperties: this.#deps.options.maxProperties,
    });
    const waiters = [...held.waiters.filter(({ isGone }) => isGone !== true), waiter];
    return { target, sinceMs, report, chars: charsOf(report), waiters };
  }

  /** The newest values count, not whose they were: whoever waits longest tries again. */
  #withoutOldest(entry: Entry): Entry {
    if (entry.waiters.length <= this.#deps.options.maxWaiters) return entry;
    const [oldest, ...waiters] = entry.waiters;
    const refusal = new UplinkRefusal("RATE", "too many reports of one device wait");
    oldest?.settle(refusal, entry.target);
    return { ...entry, waiters };
  }

  #isCrowded(line: Line): boolean {
    const { maxDevices, maxDevicesPerSession } = this.#deps.options;
    return this.#devices >= maxDevices || line.waiting.size >= maxDevicesPerSession;
  }

  #hasRoom(line: Line, moreChars: number): boolean {
    const { maxChars, maxCharsPerSession } = this.#deps.options;
    const isLess = this.#chars + moreChars <= maxChars && line.chars + moreChars <= maxCharsPerSession;
    return moreChars <= 0 || isLess;
  }

  #weigh(line: Line, chars: number): void {
    line.chars += chars;
    this.#chars += chars;
  }

  #open({ connection, signal }: UplinkSession, line: Line): void {
    this.#lines.set(connection, line);
    signal.addEventListener("abort", () => this.#drop(connection), { once: true });
  }

  /** Nothing of a session that has ended is written. */
  #drop(connection: string): void {
    const line = this.#lines.get(connection);
    if (line === undefined) return;
    this.#devices -= line.waiting.size;
    for (const { chars } of line.waiting.values()) this.#weigh(line, -chars);
    line.waiting.clear();
    this.#lines.delete(connection);
    this.#turns.delete(line);
  }

  #pump(): void {
    const { concurrency } = this.#deps.options;
    while (this.#cancelTimer === undefined && this.#running < concurrency) {
      const next = this.#next();
      if (next === undefined) return;
      const waitMs = this.#bucket.take(this.#deps.clock.nowMs());
      if (waitMs > 0) {
        this.#cancelTimer = this.#deps.clock.schedule(waitMs, () => {
          this.#cancelTimer = undefined;
          this.#pump();
        });
        return;
      }
      this.#begin(next);
    }
  }

  /** The longest waiting device of the session whose turn it is. */
  #next(): Next | undefined {
    for (const line of this.#turns) {
      if (line.running.size >= this.#deps.options.concurrencyPerSession) continue;
      for (const [key, entry] of line.waiting) if (!line.running.has(key)) return { line, key, entry };
    }
    return undefined;
  }

  #begin({ line, key, entry }: Next): void {
    line.waiting.delete(key);
    this.#devices -= 1;
    line.running.add(key);
    this.#running += 1;
    // To the end of the round.
    this.#turns.delete(line);
    if (line.waiting.size > 0) this.#turns.add(line);
    void this.#work(entry).finally(() => {
      this.#running -= 1;
      line.running.delete(key);
      this.#weigh(line, -entry.chars);
      this.#pump();
    });
  }

  /** Never rejects. */
  async #work({ target, report, waiters }: Entry): Promise<void> {
    const cost: Cost = { reads: 0, writes: 0 };
    let failure: { error: unknown } | undefined;
    try {
      await this.#deps.run(target, report, cost);
    } catch (error) {
      failure = { error };
    }
    this.#pay(cost);
    for (const waiter of waiters) waiter.settle(failure?.error, target);
  }

  /** A write costs a token; so do reads alone, or whoever asks for what it may not have would ask for free. */
  #pay({ reads, writes }: Cost): void {
    if (reads + writes === 0) {
      this.#bucket.give();
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
    }
    for (let i = 1; i < writes; i++) this.#bucket.borrow(this.#deps.clock.nowMs());
  }

  #oldestMs(): number {
    let oldestMs = Infinity;
    for (const { waiting } of this.#turns) {
      const [first] = waiting.values();
      oldestMs = Math.min(oldestMs, first?.sinceMs ?? Infinity);
    }
    return oldestMs === Infinity ? 0 : this.#deps.clock.nowMs() - oldestMs;
  }
}

const newLine = (): Line => ({ waiting: new Map(), running: new Set(), chars: 0 });
