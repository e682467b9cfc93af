// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { DialMapper, MapperClient } from "../../dmi/port.ts";
import type { AgentLog } from "../../log.ts";
import { StoreError } from "../../store/port.ts";
import { createGathering, type Gathering } from "../gather.ts";
import { itemKey, messageOf } from "../model.ts";
import type { MapperDesired, Wanted } from "./desired.ts";
import type { MapperJournal, MapperRecord } from "./journal.ts";
import { nextCall, planByKey } from "./next.ts";
import { Pauses, type Trouble } from "./pauses.ts";
import { planMapper, type Held, type MapperCall } from "./plan.ts";
import { Reach } from "./reach.ts";
import { isRefusal, isTimeout, tell } from "./tell.ts";

/** How a call to a mapper ended. */
export type CallResult = "ok" | "refused" | "hung" | "unreachable" | "store";

/** What the workers of all mappers share. */
export interface WorkerDeps {
  readonly journal: MapperJournal;
  readonly dial: DialMapper;
  readonly desired: (protocol: string) => MapperDesired;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly random: () => number;
  readonly limits: WorkerLimits;
  readonly onCall: (call: MapperCall, result: CallResult) => void;
  /** What is known of a mapper's health may be another now. */
  readonly onHealth: () => void;
}

/** How much a mapper is asked at once, and how often. */
export interface WorkerLimits {
  /** calls to one mapper at once */
  readonly maxCalls: number;
  /** a call that runs for so long no longer holds up others */
  readonly slowCallMs: number;
  /** changes that come within this time are planned together */
  readonly gatherMs: number;
  /** between two looks whether a mapper is there, while there is nothing to tell it */
  readonly probeMs: number;
}

interface Running {
  readonly call: MapperCall;
  readonly life: number;
  /** The mapper may be busy with it. */
  isTold: boolean;
  isSlow: boolean;
}

/** Calls of earlier lives that have not ended are this many times those of the present one, at most. */
const OLD_LIVES = 4;

/** Brings one mapper to hold what it shall, some calls at a time, and never two about one item. */
export class MapperWorker {
  readonly #deps: WorkerDeps;
  #mapper: MapperRecord;
  #held: Map<string, Held>;
  #client: MapperClient;
  readonly #pauses: Pauses;
  readonly #reach: Reach;
  /** By item, over all lives: what an earlier one was told may still take effect. */
  readonly #running = new Map<string, Running>();
  #plan = new Map<string, MapperCall>();
  #dirty = false;
  readonly #gathering: Gathering;
  #cancelProbe: (() => void) | undefined;
  #registering = 0;
  #stopped = false;

  /** @param mapper from the records, or one that just registered and holds nothing */
  constructor(deps: WorkerDeps, mapper: MapperRecord) {
    this.#deps = deps;
    this.#mapper = mapper;
    this.#held = deps.journal.held(mapper);
    this.#client = deps.dial(mapper.address);
    this.#gathering = createGathering(deps.clock, deps.limits.gatherMs, () => this.#replan());
    this.#reach = new Reach({
      ...deps,
      name: () => this.#mapper.name,
      onPauseEnd: () => {
        this.#replan();
        void this.#probe();
      },
    });
    this.#pauses = new Pauses(deps.clock, deps.random, () => this.#gathering.mark());
  }

  get mapper(): MapperRecord {
    return this.#mapper;
  }

  /** Items that the mapper is known to hold, or may. */
  get held(): ReadonlyMap<string, Held> {
    return this.#held;
  }

  /** Since when nobody answers at its socket, on the monotonic clock; undefined while somebody does. */
  get unreachableSinceMs(): number | undefined {
    return this.#reach.unreachableSinceMs;
  }

  /** What it did when it was told of the item last; undefined when all is well. */
  troubleOf(key: string): Trouble | undefined {
    return this.#pauses.troubleOf(key);
  }

  /** Something changed in what it shall hold; `key` names it, and ends its pause. */
  wake(key?: string): void {
    if (key !== undefined) this.#pauses.shorten(key);
    // What changed is not told as it was; the rest of the plan still holds until it is made anew. Not so with a
    // model, which all its devices wait for.
    if (key?.startsWith("device/") === true) this.#plan.delete(key);
    else this.#dirty = true;
    this.#gathering.mark();
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
      this.#replan();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelProbe?.();
    this.#reach.stop();
    this.#gathering.stop();
    this.#pauses.stop();
    this.#client.close();
  }

  #replace(mapper: MapperRecord, told: readonly Wanted[]): void {
    this.#client.close();
    this.#client = this.#deps.dial(mapper.address);
    this.#mapper = mapper;
    this.#pauses.clear();
    this.#reach.reset();
    const held = told.map(({ kind, namespace, name, digest }): Held => ({
      kind,
      namespace,
      name,
      digest,
      certain: true,
    }));
    this.#held = new Map(held.map((item) => [itemKey(item), item]));
    // The same process may register again, and a call that runs take effect after the answer: it is told once more.
    for (const [key, { call, isTold }] of this.#running) {
      const { kind, namespace, name, digest } = call.item;
      if (isTold) this.#held.set(key, { kind, namespace, name, digest, certain: false });
    }
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

  #replan(): void {
    this.#dirty = true;
    this.#pump();
  }

  /** Begins every call that may begin. */
  #pump(): void {
    if (this.#stopped || this.#reach.isPaused || this.#registering > 0) return;
    if (this.#dirty) {
      this.#dirty = false;
      const desired = this.#deps.desired(this.#mapper.protocol);
      const wanted = new Set(desired.wanted.map(itemKey));
      this.#pauses.retain((key) => wanted.has(key) || this.#held.has(key));
      this.#plan = planByKey(planMapper(desired, this.#held, this.#pauses.waiting()));
    }
    for (let call = this.#next(); call !== undefined; call = this.#next()) void this.#start(call);
    this.#cancelProbe ??= this.#deps.clock.schedule(this.#deps.limits.probeMs, () => void this.#probe());
  }

  #next(): MapperCall | undefined {
    const { maxCalls } = this.#deps.limits;
    const mine = [...this.#running].filter(([, { life }]) => life === this.#mapper.life);
    if (mine.length >= maxCalls || this.#running.size >= maxCalls * OLD_LIVES) return undefined;
    const hasHung = (key: string): boolean => this.#pauses.troubleOf(key)?.kind === "hung";
    // Items that hang, however many, leave half of the room to the others.
    const mayHang = mine.filter(([key]) => hasHung(key)).length < Math.max(1, Math.floor(maxCalls / 2));
    return nextCall(this.#plan, this.#running, (key) => mayHang || !hasHung(key));
  }

  async #start(call: MapperCall): Promise<void> {
    const key = itemKey(call.item);
    const running: Running = { call, life: this.#mapper.life, isTold: false, isSlow: false };
    this.#plan.delete(key);
    this.#running.set(key, running);
    const cancelSlow = this.#deps.clock.schedule(this.#deps.limits.slowCallMs, () => {
      running.isSlow = true;
      this.#pump();
    });
    await this.#execute(key, running);
    cancelSlow();
    this.#running.delete(key);
    // It changed meanwhile, or this was about another life.
    if (this.#plan.has(key) || !this.#isCurrent(running.life)) this.#dirty = true;
    this.#pump();
  }

  async #execute(key: string, running: Running): Promise<void> {
    const { call, life } = running;
    try {
      await this.#client.ready();
      if (!this.#isCurrent(life)) return;
      this.#reach.reached();
      await this.#intend(key, call);
      if (!this.#isCurrent(life)) return;
      running.isTold = true;
      await tell(this.#client, call);
      if (!this.#isCurrent(life)) return;
      this.#reach.settled();
      this.#recovered(key);
      await this.#conclude(key, call);
    } catch (error) {
      if (this.#isCurrent(life)) this.#failed(key, running, error);
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

  #recovered(key: string): void {
    const hadTrouble = this.#pauses.troubleOf(key) !== undefined;
    this.#pauses.end(key);
    if (hadTrouble) this.#deps.onHealth();
  }

  #failed(key: string, { call, isTold }: Running, error: unknown): void {
    this.#postpone(call);
    const message = messageOf(error);
    if (isRefusal(error)) this.#troubled(key, call, { kind: "refused", message });
    else if (isTold && isTimeout(error)) this.#troubled(key, call, { kind: "hung", message });
    else {
      // A device that brings its mapper down must not be the next one again: the others get their turn first.
      if (isTold) this.#pauses.begin(key, { kind: "cut", message });
      this.#deps.onCall(call, error instanceof StoreError ? "store" : "unreachable");
      this.#reach.failed(error);
    }
  }

  /** Many may fail in a row, and the plan for the others still holds, but for what the failed one needs. */
  #postpone({ item }: MapperCall): void {
    if (item.kind === "devicemodel") this.#dirty = true;
    for (const [key, { op, item: other }] of this.#plan)
      if (op === "remove" && other.kind === "devicemodel") this.#plan.delete(key);
    this.#gathering.mark();
  }

  /** About one item only: the others go on. */
  #troubled(key: string, call: MapperCall, trouble: Trouble): void {
    const { log, onCall, onHealth } = this.#deps;
    onCall(call, trouble.kind === "hung" ? "hung" : "refused");
    const said = trouble.kind === "hung" ? "a mapper does not answer" : "a mapper refuses";
    if (this.#pauses.begin(key, trouble) === 1)
      log.warn({ key, mapper: this.#mapper.name, reason: trouble.message }, said);
    onHealth();
  }

  /** Is there somebody, even when there is nothing to tell? A mapper that died must not be taken for a quiet one. */
  async #probe(): Promise<void> {
    this.#cancelProbe?.();
    this.#cancelProbe = undefined;
    const { life } = this.#mapper;
    try {
      await this.#client.ready();
      if (this.#isCurrent(life)) this.#reach.reached();
      if (this.#running.size + this.#plan.size === 0) this.#reach.settled();
    } catch (error) {
      if (this.#isCurrent(life)) this.#reach.failed(error);
    }
    this.#pump();
  }
}
