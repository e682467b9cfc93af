// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { Uplink } from "../../tunnel/port.ts";
import { pauseMs } from "../backoff.ts";

/** How often a key has its turn, and how patiently it is tried. */
export interface TurnOptions {
  /** least time between two turns of one key */
  readonly minGapMs: number;
  /** after a connect all keys are repeated within this time */
  readonly repeatSpreadMs: number;
}

/** What turns need of the agent. */
export interface TurnDeps {
  readonly uplink: Pick<Uplink, "isConnected" | "onState">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly options: TurnOptions;
  /** After a connect: makes everything that is known of the key unconfirmed. */
  readonly repeat: (key: string) => void;
  /** Every key that something is known of, the newest first: so they go after an outage. */
  readonly keys: () => Iterable<string>;
  /** A key has its turn now. */
  readonly onReady: () => void;
}

/** A key, from the moment that something is known of it. */
export interface Turn {
  readonly key: string;
  /** in a row */
  readonly failures: number;
}

interface Entry {
  readonly key: string;
  failures: number;
  /** in flight, or waiting for its turn */
  busy: boolean;
  cancelPause: (() => void) | undefined;
  sentAtMs: number;
  session: number;
}

const RETRY = { baseMs: 500, capMs: 60_000 };
/** With few keys there is no crowd to spread. */
const REPEAT_STEP_MS = 50;

/** Whose turn it is to be sent: each key once at a time, not too often, less often while it fails. */
export class Turns {
  readonly #deps: TurnDeps;
  readonly #entries = new Map<string, Entry>();
  /** those whose turn has come, in order */
  readonly #queue = new Set<Entry>();
  readonly #repeats = new Set<() => void>();
  #unsubscribe: () => void = () => undefined;
  /** counts connects and disconnects */
  #session = 0;
  #stopped = false;

  constructor(deps: TurnDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { uplink } = this.#deps;
    this.#unsubscribe = uplink.onState((connected) => this.#onState(connected));
    if (uplink.isConnected()) this.#onState(true);
  }

  /** Something new is known of this key. */
  mark(key: string): void {
    if (this.#enqueue(key)) this.#deps.onReady();
  }

  /** Who is next; it stays so until it is taken. */
  next(): Turn | undefined {
    const [first] = this.#queue;
    return this.#stopped ? undefined : first;
  }

  /** The turn of this key is used. @param isSent false: there was nothing to send after all */
  take(turn: Turn, isSent: boolean): void {
    const entry = turn as Entry;
    this.#queue.delete(entry);
    if (isSent) Object.assign(entry, { sentAtMs: this.#deps.clock.monotonicMs(), session: this.#session });
    else entry.busy = false;
  }

  /** What was sent has come to its end. @returns failures in a row */
  settle(turn: Turn, hasSucceeded: boolean): number {
    const entry = turn as Entry;
    const failures = hasSucceeded ? 0 : entry.failures + 1;
    // What an earlier session could not deliver says nothing about this one.
    entry.failures = entry.session === this.#session ? failures : 0;
    entry.busy = false;
    if (this.#entries.get(entry.key) === entry) this.#again(entry);
    return failures;
  }

  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.cancelPause?.();
    this.#entries.delete(key);
    this.#queue.delete(entry);
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    this.#cancelAll();
  }

  /** @returns whether its turn has come with this */
  #enqueue(key: string): boolean {
    const entry = this.#entryOf(key);
    if (entry.busy || entry.cancelPause || this.#stopped || !this.#deps.uplink.isConnected()) return false;
    const restMs = entry.sentAtMs + this.#deps.options.minGapMs - this.#deps.clock.monotonicMs();
    if (restMs > 0) {
      this.#pause(entry, restMs);
      return false;
    }
    entry.busy = true;
    this.#queue.add(entry);
    return true;
  }

  #entryOf(key: string): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const fresh: Entry = {
      ...{ key, failures: 0, busy: false, cancelPause: undefined, sentAtMs: -Infinity, session: 0 },
    };
    this.#entries.set(key, fresh);
    return fresh;
  }

  #pause(entry: Entry, delayMs: number): void {
    entry.cancelPause = this.#deps.clock.schedule(delayMs, () => {
      entry.cancelPause = undefined;
      this.mark(entry.key);
    });
  }

  #again(entry: Entry): void {
    if (this.#stopped || !this.#deps.uplink.isConnected()) return;
    if (entry.failures === 0) this.mark(entry.key);
    else this.#pause(entry, pauseMs(entry.failures, RETRY, this.#deps.random));
  }

  #cancelAll(): void {
    for (const cancel of this.#repeats) cancel();
    this.#repeats.clear();
    for (const entry of this.#entries.values()) {
      entry.cancelPause?.();
      entry.cancelPause = undefined;
    }
  }

  /** News goes at once; what was confirmed in an earlier session follows, spread, for the cloud may have lost it. */
  #onState(connected: boolean): void {
    this.#session++;
    this.#cancelAll();
    for (const entry of this.#queue) entry.busy = false;
    this.#queue.clear();
    if (!connected || this.#stopped) return;
    const { options, random } = this.#deps;
    const keys = [...this.#deps.keys()];
    const spreadMs = Math.min(options.repeatSpreadMs, keys.length * REPEAT_STEP_MS);
    for (const key of keys) {
      this.#entryOf(key).failures = 0;
      this.#enqueue(key);
      this.#repeatLater(key, Math.round(random() * spreadMs));
    }
    this.#deps.onReady();
  }

  #repeatLater(key: string, delayMs: number): void {
    const cancel = this.#deps.clock.schedule(delayMs, () => {
      this.#repeats.delete(cancel);
      if (!this.#entries.has(key)) return; // forgotten since
      this.#deps.repeat(key);
      this.mark(key);
    });
    this.#repeats.add(cancel);
  }
}
