// SPDX-License-Identifier: Apache-2.0
import { DeliveryError } from "../../delivery/errors.ts";
import type { Mailbox, Owner, Want } from "../../delivery/mailbox.ts";
import { backoffMs } from "../backoff.ts";
import type { CatalogEntry } from "./catalog.ts";
import type { HubClock } from "../clock.ts";
import type { Encoded } from "./encoded.ts";
import type { Limiter } from "../limiter.ts";
import type { HubMetrics } from "../metrics.ts";
import type { HubOptions } from "../options.ts";
import { GONE, type ObjectReader, type ReadResult } from "./reader.ts";
import { Retries } from "./retries.ts";
import { inOrder, keyOf, rankOf } from "./tiers.ts";
import type { SessionLog } from "../uplink/port.ts";
import { toAcked, Window, type Slot } from "./window.ts";

/** What a pump needs of the hub; one for all sessions. */
export interface PumpDeps {
  readonly mailbox: Pick<Mailbox, "take" | "ack">;
  readonly reader: ObjectReader;
  readonly catalog: ReadonlyMap<string, CatalogEntry>;
  readonly takes: Limiter;
  readonly clock: HubClock;
  readonly metrics: HubMetrics;
  readonly options: HubOptions;
  readonly random: () => number;
}

/** What a pump needs of its session. */
export interface PumpHost {
  readonly node: string;
  readonly negotiated: boolean;
  readonly log: SessionLog;
  readonly open: boolean;
  /** Holder of the fence; nothing is taken without it. */
  readonly owner: Owner | undefined;
  /** The socket takes more now. */
  writable(): boolean;
  /** Frames and sends; resolves what really went out into the slot. */
  transmit(slot: Slot, what: Encoded | undefined): { msgId: string; bytes: number };
  /** Somebody else holds the session. */
  lost(): void;
  /** The Node object was deleted. */
  nodeDeleted(): void;
  /** Everything wanted is durable at the edge and the placement is fresh. Called once. */
  complete(): void;
}

interface Waiting {
  readonly slot: Slot;
  readonly what: Encoded | undefined;
}

const COMPLETE_POLL = { baseMs: 250, capMs: 5_000 };
const MAILBOX_RETRY = { baseMs: 250, capMs: 5_000 };
const ACK_BATCH = 256;

/**
 * Moves what one node wants onto its socket. Exactly one run at a time: whatever happens meanwhile (a wake-up, an
 * ack, window space, the rescan) only marks it dirty.
 *
 * Reads never block the run: a key that is being read holds its slot, and the others go on.
 */
export class Pump {
  readonly #deps: PumpDeps;
  readonly #host: PumpHost;
  readonly window: Window;
  readonly #retries: Retries;
  #running = false;
  #dirty = false;
  #needTake = false;
  #wakes = 0;
  /** Wake-ups seen when the pending wants were taken. */
  #wakesTaken = 0;
  #pending: Want[] = [];
  #more = false;
  #warmed = false;
  #warming = false;
  #reading = 0;
  #ready: Waiting[] = [];
  #acks: Slot[] = [];
  #acking = false;
  #nodeWanted = false;
  #completed = false;
  #polls = 0;
  #takeFailures = 0;
  #takeAtMs = 0;
  #ackFailures = 0;
  #ackAtMs = 0;
  #retryAtMs = Infinity;
  #lastTakeMs: number;

  constructor(deps: PumpDeps, host: PumpHost) {
    this.#deps = deps;
    this.#host = host;
    const { options } = deps;
    this.window = new Window({ frames: options.windowFrames, bytes: options.windowBytes });
    this.#retries = new Retries(
      {
        baseMs: options.retryBaseMs,
        capMs: options.retryCapMs,
        quarantineAfter: options.quarantineAfter,
        maxQuarantined: options.maxQuarantined,
        quarantineMs: options.quarantineMs,
      },
      deps.random,
    );
    this.#lastTakeMs = deps.clock.nowMs();
  }

  /** Something may be wanted that was not seen yet. */
  wake(): void {
    this.#wakes += 1;
    this.#needTake = true;
    this.mark();
  }

  /** Space came free, or something is ready. */
  mark(): void {
    this.#dirty = true;
    if (this.#running || !this.#host.open) return;
    this.#running = true;
    void this.#run();
  }

  /** The Node object is to be sent now, wanted or not. Needs no fence. */
  pushNode(): void {
    this.#nodeWanted = true;
    this.mark();
  }

  /** @returns false when the id matches nothing in flight */
  acked(msgId: string): boolean {
    const slot = this.window.acknowledge(msgId);
    if (slot === undefined) return false;
    this.#deps.metrics.ackSeconds.observe((this.#deps.clock.nowMs() - slot.sentAtMs) / 1000);
    this.#acks.push(slot);
    if (!this.#acking) void this.#record();
    return true;
  }

  /**
   * The edge did not store a frame.
   *
   * @param counts it refused this object, rather than being in trouble itself
   * @returns false when the id matches nothing in flight
   */
  refused(msgId: string, counts: boolean): boolean {
    const slot = this.window.find(msgId);
    if (slot === undefined) return false;
    this.window.release(slot);
    this.#fail(slot, counts);
    this.mark();
    return true;
  }

  /** Looks at the deadlines. Cheap when nothing is due. */
  sweep(nowMs: number): void {
    if (this.window.oldestSentMs() + this.#deps.options.ackTimeoutMs <= nowMs) this.#expire(nowMs);
    if (this.#retryAtMs <= nowMs) this.#retry(nowMs);
    if (this.#acks.length > 0 && !this.#acking && this.#ackAtMs <= nowMs) void this.#record();
    if (this.#lastTakeMs + this.#deps.options.rescanMs <= nowMs) {
      this.#lastTakeMs = nowMs;
      this.#needTake = true;
      this.mark();
    } else if (this.#needTake && this.#takeAtMs <= nowMs && this.#takeAtMs > 0) this.mark();
  }

  async #run(): Promise<void> {
    try {
      while (this.#dirty && this.#host.open) {
        this.#dirty = false;
        await this.#step();
      }
    } catch (error) {
      // Nothing is lost by giving up this round: the rescan takes everything that is still wanted.
      this.#host.log.error({ err: error }, "pump failed");
    } finally {
      this.#running = false;
    }
  }

  async #step(): Promise<void> {
    const nowMs = this.#deps.clock.nowMs();
    this.#sendReady(nowMs);
    if (this.#nodeWanted) this.#startNode(nowMs);
    if (this.#host.owner === undefined) return;
    this.#plan(nowMs);
    if (this.#shouldTake(nowMs)) {
      await this.#take(this.#host.owner);
      if (this.#host.open) this.#plan(this.#deps.clock.nowMs());
    }
  }

  #shouldTake(nowMs: number): boolean {
    if (this.#takeAtMs > nowMs) return false;
    if (this.#needTake) return this.window.hasRoom();
    if (this.#pending.length > 0) return false;
    return this.#more ? this.window.hasRoom() : !this.#completed && this.window.size === 0;
  }

  async #take(owner: Owner): Promise<void> {
    const { options, mailbox, takes, metrics, clock } = this.#deps;
    const limit = (this.#host.negotiated ? options.takeLimit : options.legacyTakeLimit) + this.#retries.size;
    this.#needTake = false;
    this.#lastTakeMs = clock.nowMs();
    this.#wakesTaken = this.#wakes;
    try {
      const batch = await takes.run(() => mailbox.take(this.#host.node, owner, limit, this.window.fields));
      this.#takeFailures = 0;
      this.#takeAtMs = 0;
      this.#pending = inOrder(batch.wants);
      this.#more = batch.wants.length >= limit;
      this.#warmed = false;
      this.#forgetRetries();
      if (batch.total === 0 && this.window.size === 0 && this.#wakesTaken === this.#wakes)
        this.#drained(batch.placementPending);
    } catch (error) {
      this.#needTake = true;
      metrics.mailboxErrors.inc({ operation: "take" });
      if (this.#isLost(error)) return;
      this.#takeFailures += 1;
      this.#takeAtMs = clock.nowMs() + backoffMs(this.#takeFailures, MAILBOX_RETRY, this.#deps.random());
      this.#host.log.warn({ err: error, failures: this.#takeFailures }, "mailbox not readable");
    }
  }

  /** An empty mailbox proves that the edge is complete only after the placement that was asked for has come. */
  #drained(placementPending: boolean): void {
    if (this.#completed) return;
    if (!placementPending) {
      this.#completed = true;
      this.#host.complete();
      return;
    }
    this.#polls += 1;
    this.#needTake = true;
    this.#takeAtMs = this.#deps.clock.nowMs() + backoffMs(this.#polls, COMPLETE_POLL, this.#deps.random());
  }

  #forgetRetries(): void {
    if (this.#more || this.#retries.size === 0) return;
    const wanted = new Set(this.#pending.map(keyOf));
    this.#retries.keepOnly((key) => wanted.has(key) || this.window.has(key));
  }

  /** Starts what may go now, in order; keeps the rest. */
  #plan(nowMs: number): void {
    if (this.#pending.length === 0 || !this.#canStart()) return;
    const wants = this.#pending;
    const kept: Want[] = [];
    const started = this.#startSome(wants, kept, nowMs);
    this.#pending = started < wants.length ? kept.concat(wants.slice(started)) : kept;
    // Only keys that wait for their own time are left: they are taken again when it has come.
    if (started === wants.length && this.window.size === 0) this.#noteRetry(nowMs);
  }

  /** @returns how many of the wants were looked at; those that must wait for themselves alone are kept */
  #startSome(wants: readonly Want[], kept: Want[], nowMs: number): number {
    // Towards EdgeCore each rank is acknowledged before the next begins.
    const inTiers = !this.#host.negotiated;
    let barrier = inTiers ? this.window.lowestRank() : Infinity;
    for (const [index, want] of wants.entries()) {
      if (!this.#canStart()) return index;
      if (this.#isBlocked(want, nowMs)) {
        kept.push(want);
        continue;
      }
      const rank = rankOf(want.op, want.kind);
      if (rank > barrier) return index;
      if (inTiers) barrier = rank;
      this.#start(this.window.reserve(want, this.#wakesTaken));
    }
    return wants.length;
  }

  #canStart(): boolean {
    return this.#host.open && this.window.hasRoom() && this.#ready.length === 0 && this.#host.writable();
  }

  #isBlocked(want: Want, nowMs: number): boolean {
    const key = keyOf(want);
    if (this.window.has(key) || !this.#retries.allows(key, want.token, nowMs)) return true;
    if (want.op === "del" || this.#deps.reader.peek(want) !== undefined) return false;
    if (want.kind === "pod" && this.#warmUp()) return true;
    return this.#reading >= this.#deps.options.readsPerSession;
  }

  #start(slot: Slot): void {
    const { want } = slot;
    if (want.op === "del") this.#startDelete(slot);
    else if (!this.#deps.catalog.has(want.kind)) this.#setAside(slot);
    else {
      const cached = this.#deps.reader.peek(want);
      if (cached === undefined) void this.#read(slot);
      else this.#offer(slot, cached);
    }
  }

  #startDelete(slot: Slot): void {
    if (slot.want.kind !== "node") {
      this.#offer(slot, undefined);
      return;
    }
    // An edge is not told that its Node is gone (KubeEdge ends the session instead); it is only recorded.
    slot.state = "settling";
    this.#acks.push(slot);
    if (!this.#acking) void this.#record();
  }

  #setAside(slot: Slot): void {
    this.window.release(slot);
    this.#retries.setAside(slot.key, slot.want.token, this.#deps.clock.nowMs());
    this.#deps.metrics.dropped.inc({ reason: "unsupported" });
    this.#host.log.warn({ key: slot.key }, "kind not supported by this hub");
  }

  #startNode(nowMs: number): void {
    const { node } = this.#host;
    const wanted = this.#pending.findIndex((want) => want.kind === "node" && want.op === "put");
    const want = wanted >= 0 ? this.#pending.splice(wanted, 1)[0] : nodeWant(node);
    if (
      want === undefined ||
      this.window.has(keyOf(want)) ||
      !this.#retries.allows(keyOf(want), want.token, nowMs)
    )
      return;
    this.#nodeWanted = false;
    void this.#read(this.window.reserve(want, this.#wakesTaken));
  }

  /** One LIST instead of many GETs. @returns whether it is under way */
  #warmUp(): boolean {
    if (this.#warmed || this.#warming) return this.#warming;
    this.#warmed = true;
    const { reader, options } = this.#deps;
    const missing = this.#pending.filter(
      (want) => want.kind === "pod" && want.op === "put" && !reader.peek(want),
    );
    if (missing.length < options.listPodsFrom) return false;
    this.#warming = true;
    void this.#warm();
    return true;
  }

  async #warm(): Promise<void> {
    try {
      await this.#deps.reader.warmPods(this.#host.node);
    } catch (error) {
      this.#host.log.warn({ err: error }, "pods of the node not listed, reading them one by one");
    } finally {
      this.#warming = false;
      this.mark();
    }
  }

  async #read(slot: Slot): Promise<void> {
    this.#reading += 1;
    try {
      const { want } = slot;
      const result = await (want.uid === "" ? this.#deps.reader.readNow(want) : this.#deps.reader.read(want));
      this.#wasRead(slot, result);
    } catch (error) {
      this.window.release(slot);
      this.#fail(slot, false);
      if (slot.want.uid === "") this.#nodeWanted = true;
      this.#host.log.warn({ err: error, key: slot.key }, "object not readable");
    } finally {
      this.#reading -= 1;
      this.mark();
    }
  }

  #wasRead(slot: Slot, result: ReadResult): void {
    if (!this.#host.open) return;
    if (result !== GONE) this.#offer(slot, result);
    else if (slot.want.kind === "node") this.window.release(slot);
    else this.#offer(slot, undefined);
  }

  /** @param what the object, or undefined for a delete */
  #offer(slot: Slot, what: Encoded | undefined): void {
    this.#ready.push({ slot, what });
    this.#sendReady(this.#deps.clock.nowMs());
  }

  #sendReady(nowMs: number): void {
    while (this.#ready.length > 0) {
      const next = this.#ready[0];
      if (next === undefined || !this.#host.writable()) return;
      if (!this.window.fits(next.what?.content.length ?? 0)) return;
      this.#ready.shift();
      this.#send(next, nowMs);
    }
  }

  #send({ slot, what }: Waiting, nowMs: number): void {
    slot.op = what === undefined ? "del" : "put";
    slot.uid = what?.uid ?? slot.want.uid;
    slot.resourceVersion = what?.resourceVersion ?? slot.want.resourceVersion;
    slot.msgId = this.#retries.sameFrame(slot.key, slot.op, slot.uid, slot.resourceVersion) ?? "";
    const { msgId, bytes } = this.#host.transmit(slot, what);
    this.window.sent(slot, msgId, bytes, nowMs);
  }

  async #record(): Promise<void> {
    this.#acking = true;
    // Acks that arrive in one chunk are recorded by one call.
    await Promise.resolve();
    while (this.#acks.length > 0) {
      const batch = this.#acks.splice(0, ACK_BATCH);
      const { owner } = this.#host;
      if (!this.#host.open) break;
      if (owner !== undefined && !(await this.#recordBatch(owner, batch))) break;
      for (const slot of batch) this.#settled(slot);
      this.mark();
    }
    this.#acking = false;
  }

  async #recordBatch(owner: Owner, batch: Slot[]): Promise<boolean> {
    try {
      await this.#deps.mailbox.ack(this.#host.node, owner, batch.map(toAcked));
      this.#ackFailures = 0;
      return true;
    } catch (error) {
      this.#deps.metrics.mailboxErrors.inc({ operation: "ack" });
      if (this.#isLost(error)) return false;
      if (error instanceof DeliveryError && !error.retryable) {
        this.#unrecordable(batch, error);
        return true;
      }
      this.#acks.unshift(...batch);
      this.#ackFailures += 1;
      this.#ackAtMs =
        this.#deps.clock.nowMs() + backoffMs(this.#ackFailures, MAILBOX_RETRY, this.#deps.random());
      this.#host.log.warn({ err: error, failures: this.#ackFailures }, "acks not recorded");
      return false;
    }
  }

  /** One of them cannot be written as it is. All are sent again later; the one at fault ends in quarantine. */
  #unrecordable(batch: Slot[], error: DeliveryError): void {
    this.#host.log.error({ err: error, count: batch.length }, "acks refused by the mailbox");
    for (const slot of batch.splice(0)) {
      this.window.release(slot);
      this.#fail(slot, true);
    }
  }

  #settled(slot: Slot): void {
    this.window.release(slot);
    this.#retries.succeeded(slot.key);
    // A take since then left this key out, whatever was wanted of it by then; and the mailbox hides a put while the
    // delete of an older uid of its key waits.
    if (slot.wakesSeen !== this.#wakes || slot.want.op === "del") this.#needTake = true;
    if (slot.want.kind === "node" && slot.want.op === "del") this.#nodeGone();
  }

  #nodeGone(): void {
    const recreated = this.#pending.some((want) => want.kind === "node" && want.op === "put");
    if (!recreated) this.#host.nodeDeleted();
  }

  #expire(nowMs: number): void {
    for (const slot of this.window.expire(nowMs - this.#deps.options.ackTimeoutMs)) this.#fail(slot, true);
    this.mark();
  }

  #fail(slot: Slot, counts: boolean): void {
    const nowMs = this.#deps.clock.nowMs();
    this.#deps.metrics.retries.inc();
    if (slot.want.token === "" && slot.msgId !== "") this.#nodeWanted = true;
    if (this.#retries.failed(slot, counts, nowMs)) {
      this.#deps.metrics.quarantined.inc();
      this.#host.log.warn({ key: slot.key }, "key quarantined after repeated failures");
    }
    this.#noteRetry(nowMs);
  }

  #noteRetry(nowMs: number): void {
    this.#retryAtMs = this.#retries.nextAtMs(nowMs);
  }

  #retry(nowMs: number): void {
    this.#noteRetry(nowMs);
    this.#needTake = true;
    this.mark();
  }

  #isLost(error: unknown): boolean {
    if (!(error instanceof DeliveryError) || error.code !== "NOT_OWNER") return false;
    this.#host.lost();
    return true;
  }
}

/** A push of the Node that the mailbox does not ask for; its ack is recorded, and clears no want. */
const nodeWant = (node: string): Want => ({
  field: `workload:node//${node}`,
  op: "put",
  scope: "workload",
  kind: "node",
  namespace: "",
  name: node,
  uid: "",
  resourceVersion: "0",
  digest: "",
  token: "",
  fresh: false,
});
