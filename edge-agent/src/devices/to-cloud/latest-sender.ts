// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import type { Clock } from "../../clock.ts";
import type { AgentLog } from "../../log.ts";
import type { Uplink, UplinkRequest } from "../../tunnel/port.ts";
import { pauseMs } from "../backoff.ts";
import { messageOf } from "../model.ts";

/** What waits to be sent about one key. */
export interface Outgoing {
  readonly request: UplinkRequest;
  /** The cloud has it. */
  readonly confirm: () => void;
}

/** How often, how many, and how patiently. */
export interface SenderOptions {
  /** least time between two frames of one key */
  readonly minGapMs: number;
  /** frames without a reply yet, of all keys: the tunnel's rate is shared with pods and leases */
  readonly maxInFlight: number;
  /** time for the cloud's reply */
  readonly timeoutMs: number;
  /** after a connect all keys are repeated within this time */
  readonly repeatSpreadMs: number;
}

/** What sending needs of the agent. */
export interface SenderDeps {
  readonly uplink: Uplink;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly random: () => number;
  readonly options: SenderOptions;
  /** What is unconfirmed of this key, as it is now. */
  readonly outgoing: (key: string) => Outgoing | undefined;
  /** After a connect: makes everything that is known of the key unconfirmed. */
  readonly repeat: (key: string) => void;
  /** Every key that something is known of, the newest first: so they go after an outage. */
  readonly keys: () => Iterable<string>;
  readonly onSent: (result: "ok" | "refused" | "failed") => void;
}

interface Entry {
  failures: number;
  /** in flight, or waiting for its turn */
  busy: boolean;
  cancelPause: (() => void) | undefined;
  sentAtMs: number;
}

const RETRY = { baseMs: 500, capMs: 60_000 };
/** With few keys there is no crowd to spread. */
const REPEAT_STEP_MS = 50;

function refusalOf({ route, content }: Frame): string | undefined {
  if (route.operation === "error") return typeof content === "string" ? content.slice(0, 300) : "refused";
  const isStatus = typeof content === "object" && content !== null && "ErrStatus" in content;
  return isStatus ? "refused by the API" : undefined;
}

/** Carries the latest of each key to the cloud until it is confirmed: one in flight a key, newer replaces older. */
export class LatestSender {
  readonly #deps: SenderDeps;
  readonly #entries = new Map<string, Entry>();
  /** keys whose turn has come, in order */
  readonly #queue: string[] = [];
  readonly #repeats = new Set<() => void>();
  readonly #unsubscribe: () => void;
  #inFlight = 0;
  /** counts connects and disconnects */
  #session = 0;
  #stopped = false;

  constructor(deps: SenderDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.uplink.onState((connected) => this.#onState(connected));
    if (deps.uplink.isConnected()) this.#onState(true);
  }

  /** Something new is known of this key. */
  mark(key: string): void {
    const entry = this.#entryOf(key);
    if (entry.busy || entry.cancelPause || this.#stopped || !this.#deps.uplink.isConnected()) return;
    const restMs = entry.sentAtMs + this.#deps.options.minGapMs - this.#deps.clock.monotonicMs();
    if (restMs > 0) {
      this.#pause(key, entry, restMs);
      return;
    }
    entry.busy = true;
    this.#queue.push(key);
    this.#drain();
  }

  forget(key: string): void {
    this.#entries.get(key)?.cancelPause?.();
    this.#entries.delete(key);
    const turn = this.#queue.indexOf(key);
    if (turn !== -1) this.#queue.splice(turn, 1);
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    this.#cancelAll();
  }

  #entryOf(key: string): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const fresh: Entry = { failures: 0, busy: false, cancelPause: undefined, sentAtMs: -Infinity };
    this.#entries.set(key, fresh);
    return fresh;
  }

  #pause(key: string, entry: Entry, delayMs: number): void {
    entry.cancelPause = this.#deps.clock.schedule(delayMs, () => {
      entry.cancelPause = undefined;
      this.mark(key);
    });
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
    if (!connected || this.#stopped) return;
    const { options, random } = this.#deps;
    const keys = [...this.#deps.keys()];
    const spreadMs = Math.min(options.repeatSpreadMs, keys.length * REPEAT_STEP_MS);
    for (const key of keys) {
      this.#entryOf(key).failures = 0;
      this.mark(key);
      this.#repeatLater(key, Math.round(random() * spreadMs));
    }
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

  #drain(): void {
    while (this.#inFlight < this.#deps.options.maxInFlight) {
      const key = this.#queue.shift();
      if (key === undefined) return;
      this.#begin(key);
    }
  }

  #begin(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    const outgoing = this.#stopped ? undefined : this.#deps.outgoing(key);
    if (outgoing === undefined) {
      entry.busy = false;
      return;
    }
    this.#inFlight++;
    const session = this.#session;
    entry.sentAtMs = this.#deps.clock.monotonicMs();
    this.#send(key, entry, outgoing)
      .finally(() => {
        this.#inFlight--;
        entry.busy = false;
        // What an earlier session could not deliver says nothing about this one.
        if (session !== this.#session) entry.failures = 0;
        if (this.#entries.get(key) === entry) this.#again(key, entry);
        this.#drain();
      })
      .catch((err: unknown) => this.#deps.log.error({ err }, "a sender failed"));
  }

  #again(key: string, entry: Entry): void {
    if (this.#stopped || !this.#deps.uplink.isConnected()) return;
    if (entry.failures === 0) this.mark(key);
    else this.#pause(key, entry, pauseMs(entry.failures, RETRY, this.#deps.random));
  }

  async #send(key: string, entry: Entry, { request, confirm }: Outgoing): Promise<void> {
    const { uplink, options, onSent } = this.#deps;
    try {
      const refusal = refusalOf(await uplink.request(request, { timeoutMs: options.timeoutMs }));
      if (refusal !== undefined) {
        this.#failed(key, entry, { result: "refused", reason: refusal });
        return;
      }
      confirm();
      entry.failures = 0;
      onSent("ok");
    } catch (error) {
      this.#failed(key, entry, { result: "failed", reason: messageOf(error) });
    }
  }

  #failed(
    key: string,
    entry: Entry,
    { result, reason }: { result: "refused" | "failed"; reason: string },
  ): void {
    entry.failures += 1;
    this.#deps.onSent(result);
    if (entry.failures === 1 && this.#deps.uplink.isConnected())
      this.#deps.log.warn({ device: key, reason }, "a device's report is not confirmed");
  }
}
