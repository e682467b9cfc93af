// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { DialMapper, MapperClient } from "../../dmi/port.ts";
import type { AgentLog } from "../../log.ts";
import { pauseMs } from "../backoff.ts";
import type { MapperDesired, Wanted } from "./desired.ts";
import type { MapperJournal, MapperRecord } from "./journal.ts";
import { itemKey, messageOf } from "../model.ts";
import { planMapper, type Held, type MapperCall } from "./plan.ts";
import { StoreError } from "../../store/port.ts";
import { isRefusal, tell } from "./tell.ts";

/** What the workers of all mappers share. */
export interface WorkerDeps {
  readonly journal: MapperJournal;
  readonly dial: DialMapper;
  readonly desired: (protocol: string) => MapperDesired;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly random: () => number;
  readonly onCall: (call: MapperCall, result: "ok" | "refused" | "unreachable" | "store") => void;
}

interface Waiting {
  readonly untilMs: number;
  readonly failures: number;
}

/** While a mapper does not answer; it registers again when it comes back as a new process. */
const REDIAL = { baseMs: 250, capMs: 30_000 };
/** While a mapper refuses one device or model. */
const RETRY = { baseMs: 1_000, capMs: 60_000 };

/** Brings one mapper to hold what it shall, one call at a time. */
export class MapperWorker {
  readonly #deps: WorkerDeps;
  #mapper: MapperRecord;
  #held: Map<string, Held>;
  #client: MapperClient;
  readonly #waiting = new Map<string, Waiting>();
  #running: Promise<void> | undefined;
  #dirty = false;
  #outages = 0;
  #cancelPause: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;
  #registering = 0;
  /** What a call that the mapper may still be busy with is about. */
  #telling: MapperCall["item"] | undefined;
  #stopped = false;

  /** @param mapper from the records, or one that just registered and holds nothing */
  constructor(deps: WorkerDeps, mapper: MapperRecord) {
    this.#deps = deps;
    this.#mapper = mapper;
    this.#held = deps.journal.held(mapper);
    this.#client = deps.dial(mapper.address);
  }

  get mapper(): MapperRecord {
    return this.#mapper;
  }

  /** Items that the mapper is known to hold, or may. */
  get held(): ReadonlyMap<string, Held> {
    return this.#held;
  }

  /** Something changed in what it shall hold; `key` names it, and ends its pause. */
  wake(key?: string): void {
    if (key !== undefined) this.#waiting.delete(key);
    this.#dirty = true;
    if (this.#running || this.#cancelPause || this.#registering > 0 || this.#stopped) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#dirty) this.wake();
    });
  }

  /**
   * A new process serves the protocol: what an earlier one held is forgotten, and only `told` counts as delivered.
   * Durable when it resolves. @throws {StoreError}
   */
  async register(mapper: Omit<MapperRecord, "life">, told: readonly Wanted[]): Promise<void> {
    this.#registering++;
    try {
      const forgotten = [...this.#held.keys()];
      this.#replace({ ...mapper, life: this.#mapper.life + 1 }, told);
      await this.#persist(this.#mapper, forgotten);
    } catch (error) {
      this.#held.clear(); // the answer is an error, without data
      throw error;
    } finally {
      this.#registering--;
      this.wake();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelPause?.();
    this.#cancelRetry?.();
    this.#client.close();
  }

  #replace(mapper: MapperRecord, told: readonly Wanted[]): void {
    this.#client.close();
    this.#client = this.#deps.dial(mapper.address);
    this.#mapper = mapper;
    this.#waiting.clear();
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    this.#outages = 0;
    const held = told.map(({ kind, namespace, name, digest }): Held => ({
      kind,
      namespace,
      name,
      digest,
      certain: true,
    }));
    this.#held = new Map(held.map((item) => [itemKey(item), item]));
    if (this.#telling === undefined) return;
    // The same process may register again, and the call that runs take effect after the answer: it is told once more.
    const { kind, namespace, name, digest } = this.#telling;
    this.#held.set(itemKey(this.#telling), { kind, namespace, name, digest, certain: false });
  }

  async #persist(mapper: MapperRecord, forgotten: readonly string[]): Promise<void> {
    const { journal } = this.#deps;
    const held = this.#held;
    // First the new life, which alone makes everything older void.
    const saved = [journal.saveMapper(mapper), ...[...held.values()].map((h) => journal.saveHeld(mapper, h))];
    const dropped = forgotten
      .filter((key) => !held.has(key))
      .map((key) => journal.dropHeld(mapper.protocol, key));
    await Promise.all([...saved, ...dropped]);
  }

  async #run(): Promise<void> {
    for (;;) {
      this.#dirty = false;
      const call = this.#next();
      if (call === undefined) return;
      await this.#execute(call);
    }
  }

  #next(): MapperCall | undefined {
    if (this.#stopped || this.#cancelPause || this.#registering > 0) return undefined;
    const nowMs = this.#deps.clock.monotonicMs();
    const waiting = [...this.#waiting].filter(([, { untilMs }]) => untilMs > nowMs);
    return planMapper(
      this.#deps.desired(this.#mapper.protocol),
      this.#held,
      new Set(waiting.map(([key]) => key)),
    )[0];
  }

  async #execute(call: MapperCall): Promise<void> {
    const { life } = this.#mapper;
    const key = itemKey(call.item);
    try {
      await this.#client.ready();
      if (!this.#isCurrent(life)) return;
      await this.#intend(key, call);
      if (!this.#isCurrent(life)) return;
      await this.#tell(call, life);
      if (!this.#isCurrent(life)) return;
      this.#outages = 0;
      this.#waiting.delete(key);
      await this.#conclude(key, call);
    } catch (error) {
      if (this.#isCurrent(life)) this.#failed(key, call, error);
    }
  }

  async #tell(call: MapperCall, life: number): Promise<void> {
    this.#telling = call.item;
    try {
      await tell(this.#client, call);
    } catch (error) {
      // A call that never ends must not be the next one again: the others get their turn first.
      if (!isRefusal(error) && this.#isCurrent(life)) this.#postpone(itemKey(call.item));
      throw error;
    } finally {
      this.#telling = undefined;
    }
  }

  /** False once another process registered, or the agent stops: what comes back then is about the past. */
  #isCurrent(life: number): boolean {
    return this.#mapper.life === life && !this.#stopped;
  }

  /** Says durably that the mapper may soon hold something else, before it can. */
  async #intend(key: string, { item }: MapperCall): Promise<void> {
    const { kind, namespace, name, digest } = item;
    if (this.#held.get(key)?.certain === false) return;
    const held: Held = { kind, namespace, name, digest, certain: false };
    const all = this.#held; // a registration meanwhile begins another
    await this.#deps.journal.saveHeld(this.#mapper, held);
    all.set(key, held);
  }

  /** In memory at once; if it cannot be made durable, a restart tells the mapper once more. */
  async #conclude(key: string, call: MapperCall): Promise<void> {
    const { journal, log, onCall } = this.#deps;
    const { kind, namespace, name, digest } = call.item;
    const held: Held = { kind, namespace, name, digest, certain: true };
    if (call.op === "put") this.#held.set(key, held);
    else this.#held.delete(key);
    try {
      await (call.op === "put"
        ? journal.saveHeld(this.#mapper, held)
        : journal.dropHeld(this.#mapper.protocol, key));
      onCall(call, "ok");
    } catch (err) {
      onCall(call, "store");
      log.error({ err, key, mapper: this.#mapper.name }, "what a mapper was told could not be recorded");
    }
  }

  #failed(key: string, call: MapperCall, error: unknown): void {
    if (isRefusal(error)) this.#refused(key, call, error);
    else this.#unreachable(call, error);
  }

  #refused(key: string, call: MapperCall, error: unknown): void {
    const { log, onCall } = this.#deps;
    onCall(call, "refused");
    if (this.#postpone(key) === 1)
      log.warn({ key, mapper: this.#mapper.name, reason: messageOf(error) }, "a mapper refuses");
  }

  /** @returns how often it failed in a row */
  #postpone(key: string): number {
    const { clock, random } = this.#deps;
    const failures = (this.#waiting.get(key)?.failures ?? 0) + 1;
    const delayMs = pauseMs(failures, RETRY, random);
    this.#waiting.set(key, { untilMs: clock.monotonicMs() + delayMs, failures });
    this.#scheduleRetry();
    return failures;
  }

  /** One timer for the nearest of all that wait. */
  #scheduleRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    const nowMs = this.#deps.clock.monotonicMs();
    const next = [...this.#waiting.values()].map(({ untilMs }) => untilMs).filter((ms) => ms > nowMs);
    if (next.length === 0 || this.#stopped) return;
    this.#cancelRetry = this.#deps.clock.schedule(Math.min(...next) - nowMs, () => {
      this.#scheduleRetry();
      this.wake();
    });
  }

  /** The mapper, or our own disk, does not answer: the whole worker pauses, for the next call would fare no better. */
  #unreachable(call: MapperCall, error: unknown): void {
    const { clock, log, random, onCall } = this.#deps;
    this.#outages++;
    onCall(call, error instanceof StoreError ? "store" : "unreachable");
    if (this.#outages === 1)
      log.warn(
        { mapper: this.#mapper.name, reason: messageOf(error) },
        "a mapper cannot be told anything now",
      );
    this.#cancelPause = clock.schedule(pauseMs(this.#outages, REDIAL, random), () => {
      this.#cancelPause = undefined;
      this.wake();
    });
  }
}
