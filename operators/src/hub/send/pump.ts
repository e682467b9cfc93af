// SPDX-License-Identifier: Apache-2.0
import type { Want } from "../../delivery/mailbox.ts";
import { AckRecorder } from "./ack-recorder.ts";
import type { Encoded } from "./encoded.ts";
import { Fetches } from "./fetches.ts";
import { Orders } from "./order/index.ts";
import { startInOrder, unaskedNode } from "./plan.ts";
import type { PumpDeps, PumpHost } from "./pump-port.ts";
import { GONE, type ReadResult } from "./reader.ts";
import { Retries } from "./retries.ts";
import { Taker } from "./taker.ts";
import { inOrder, keyOf } from "./tiers.ts";
import { Window, type Slot } from "./window.ts";

interface Ready {
  readonly slot: Slot;
  readonly what: Encoded | undefined;
}

/**
 * Moves what one node wants onto its socket. Exactly one run at a time: whatever happens meanwhile (a wake-up, an
 * ack, window space, the rescan) only marks it dirty.
 *
 * A want goes from `Taker` (when the mailbox is asked) by `startInOrder` (what may go now) and `Fetches` (its object
 * is read) onto the socket, and from its acknowledgement by `AckRecorder` back into the mailbox. It holds one slot of
 * the window from start to end; what fails goes to `Retries`. Reads never block the run: a key that is being read
 * holds its slot, and the others go on.
 */
export class Pump {
  readonly #deps: PumpDeps;
  readonly #host: PumpHost;
  readonly #window: Window;
  readonly #retries: Retries;
  readonly #taker: Taker;
  readonly #fetches: Fetches;
  readonly #acks: AckRecorder;
  readonly #orders: Orders;
  #running = false;
  #dirty = false;
  /** Taken, and not on their way. */
  #pending: readonly Want[] = [];
  /** Read, and waiting for the socket. */
  readonly #ready: Ready[] = [];
  #nodeWanted = false;
  #retryAtMs = Infinity;

  constructor(deps: PumpDeps, host: PumpHost) {
    this.#deps = deps;
    this.#host = host;
    const { options } = deps;
    this.#window = new Window({ frames: options.windowFrames, bytes: options.windowBytes });
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
    this.#taker = new Taker(deps, host, this.#window);
    this.#fetches = new Fetches(deps, host, {
      read: (slot, result) => this.#wasRead(slot, result),
      failed: (slot) => this.#notRead(slot),
      ended: () => this.mark(),
    });
    this.#acks = new AckRecorder(deps, host, {
      settled: (slots) => this.#settled(slots),
      refused: (slots) => this.#unrecordable(slots),
    });
    this.#orders = new Orders(deps, host, {
      record: (slot) => this.#acks.add(slot),
      failed: (slot) => this.#giveUp(slot, false),
      setAside: (slot) => this.#setAside(slot),
    });
  }

  /** Something may be wanted that was not seen yet. */
  wake(): void {
    this.#taker.wake();
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
    const slot = this.#window.acknowledge(msgId);
    if (slot === undefined) return false;
    this.#deps.metrics.ackSeconds.observe((this.#deps.clock.nowMs() - slot.sentAtMs) / 1000);
    this.#acks.add(slot);
    return true;
  }

  /**
   * The edge did not store a frame.
   *
   * @param counts it refused this object, rather than being in trouble itself
   * @returns false when the id matches nothing in flight
   */
  refused(msgId: string, counts: boolean): boolean {
    const slot = this.#window.find(msgId);
    if (slot === undefined) return false;
    this.#giveUp(slot, counts);
    this.mark();
    return true;
  }

  /** Looks at the deadlines. Cheap when nothing is due. */
  sweep(nowMs: number): void {
    if (this.#window.oldestSentMs() + this.#deps.options.ackTimeoutMs <= nowMs) this.#expire(nowMs);
    if (this.#retryAtMs <= nowMs) this.#retry(nowMs);
    this.#acks.sweep(nowMs);
    if (this.#taker.sweep(nowMs)) this.mark();
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
    const { owner } = this.#host;
    if (owner === undefined) return;
    this.#startPending(nowMs);
    if (!this.#taker.shouldTake(nowMs, this.#pending.length > 0)) return;
    const wants = await this.#taker.take(owner, this.#retries.size);
    if (wants !== undefined) this.#hold(wants);
    if (this.#host.open) this.#startPending(this.#deps.clock.nowMs());
  }

  #hold(wants: readonly Want[]): void {
    this.#pending = inOrder(wants);
    this.#fetches.newBatch();
    if (this.#taker.more || this.#retries.size === 0) return;
    const wanted = new Set(this.#pending.map(keyOf));
    this.#retries.keepOnly((key) => wanted.has(key) || this.#window.has(key));
  }

  #startPending(nowMs: number): void {
    if (this.#pending.length === 0) return;
    const { left, sawAll } = startInOrder(this.#pending, {
      inTiers: !this.#host.negotiated,
      lowestRank: () => this.#window.lowestRank(),
      canStart: () => this.#canStart(),
      isBlocked: (want) => this.#isBlocked(want, nowMs),
      start: (want) => this.#start(this.#window.reserve(want, this.#taker.wakesTaken)),
    });
    this.#pending = left;
    // Only keys that wait for their own time are left: they are taken again when it has come.
    if (sawAll && this.#window.size === 0) this.#noteRetry(nowMs);
  }

  #canStart(): boolean {
    return this.#host.open && this.#window.hasRoom() && this.#ready.length === 0 && this.#host.writable();
  }

  #isBlocked(want: Want, nowMs: number): boolean {
    if (!this.#isFree(want, nowMs)) return true;
    if (want.op === "del" || this.#deps.reader.peek(want) !== undefined) return false;
    return this.#fetches.mustWait(want, this.#pending);
  }

  /** Neither on its way nor backing off. */
  #isFree(want: Want, nowMs: number): boolean {
    const key = keyOf(want);
    return !this.#window.has(key) && this.#retries.allows(key, want.token, nowMs);
  }

  #start(slot: Slot): void {
    const { want } = slot;
    if (this.#orders.takes(want.kind)) void this.#orders.start(slot);
    else if (want.op === "del") this.#startDelete(slot);
    else if (!this.#deps.catalog.has(want.kind)) this.#setAside(slot);
    else {
      const cached = this.#deps.reader.peek(want);
      if (cached === undefined) void this.#fetches.start(slot);
      else this.#offer(slot, cached);
    }
  }

  #startDelete(slot: Slot): void {
    if (slot.want.kind !== "node") {
      // It may still be there, and just leave this node.
      if (this.#wantsWhole(slot.want)) void this.#fetches.start(slot);
      else this.#offer(slot, undefined);
      return;
    }
    // An edge is not told that its Node is gone (KubeEdge ends the session instead); it is only recorded.
    slot.state = "settling";
    this.#acks.add(slot);
  }

  /** EdgeCore needs more than the name to do this delete, and it is not in memory. */
  #wantsWhole(want: Want): boolean {
    const { catalog, reader } = this.#deps;
    return (
      !this.#host.negotiated &&
      catalog.get(want.kind)?.wholeDelete === true &&
      reader.remembered(want.uid) === undefined
    );
  }

  #setAside(slot: Slot): void {
    this.#window.release(slot);
    this.#retries.setAside(slot.key, slot.want.token, this.#deps.clock.nowMs());
    this.#deps.metrics.dropped.inc({ reason: "unsupported" });
    this.#host.log.warn({ key: slot.key }, "kind not supported by this hub");
  }

  #startNode(nowMs: number): void {
    const wanted = this.#pending.find((want) => want.kind === "node" && want.op === "put");
    const want = wanted ?? unaskedNode(this.#host.node);
    if (!this.#isFree(want, nowMs)) return;
    if (wanted !== undefined) this.#pending = this.#pending.filter((other) => other !== wanted);
    this.#nodeWanted = false;
    void this.#fetches.start(this.#window.reserve(want, this.#taker.wakesTaken));
  }

  #wasRead(slot: Slot, result: ReadResult): void {
    if (!this.#host.open) return;
    if (slot.want.op === "del") this.#offer(slot, undefined);
    else if (result !== GONE) this.#offer(slot, result);
    // The delete follows, from whoever wants it. Not at once again: nothing may have changed by then.
    else if (slot.want.kind === "node" && slot.want.token !== "") this.#giveUp(slot, false);
    else if (slot.want.kind === "node") this.#window.release(slot);
    else this.#offer(slot, undefined);
  }

  #notRead(slot: Slot): void {
    this.#giveUp(slot, false);
    if (slot.want.uid === "") this.#nodeWanted = true;
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
      if (!this.#window.fits(next.what?.content.length ?? 0)) return;
      this.#ready.shift();
      this.#send(next, nowMs);
    }
  }

  #send({ slot, what }: Ready, nowMs: number): void {
    slot.op = what === undefined ? "del" : "put";
    slot.uid = what?.uid ?? slot.want.uid;
    slot.resourceVersion = what?.resourceVersion ?? slot.want.resourceVersion;
    slot.msgId = this.#retries.sameFrame(slot.key, slot.op, slot.uid, slot.resourceVersion) ?? "";
    const { msgId, bytes } = this.#host.transmit(slot, what);
    this.#window.sent(slot, msgId, bytes, nowMs);
  }

  #settled(slots: readonly Slot[]): void {
    for (const slot of slots) this.#settle(slot);
    this.mark();
  }

  #settle(slot: Slot): void {
    this.#window.release(slot);
    this.#orders.recorded(slot);
    this.#retries.succeeded(slot.key);
    // A take since then left this key out, whatever was wanted of it by then; and the mailbox hides a put while the
    // delete of an older uid of its key waits.
    if (slot.wakesSeen !== this.#taker.wakes || slot.want.op === "del") this.#taker.need();
    if (slot.want.kind === "node" && slot.want.op === "del") this.#nodeGone();
  }

  #nodeGone(): void {
    const recreated = this.#pending.some((want) => want.kind === "node" && want.op === "put");
    if (!recreated) this.#host.nodeDeleted();
  }

  /** One of them cannot be written as it is. All are sent again later; the one at fault ends in quarantine. */
  #unrecordable(slots: readonly Slot[]): void {
    for (const slot of slots) this.#giveUp(slot, true);
    this.mark();
  }

  #expire(nowMs: number): void {
    for (const slot of this.#window.expire(nowMs - this.#deps.options.ackTimeoutMs)) this.#fail(slot, true);
    this.mark();
  }

  #giveUp(slot: Slot, counts: boolean): void {
    this.#window.release(slot);
    this.#orders.forget(slot);
    this.#fail(slot, counts);
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
    this.#taker.need();
    this.mark();
  }
}
