// SPDX-License-Identifier: Apache-2.0
import {
  DEVICE_BATCH_VERSION,
  STREAMS_VERSION,
  type CompleteNotice,
  type Frame,
  type HelloReply,
} from "@longshore/crds/wire";
import { DeliveryError, type DeliveryErrorCode } from "../../delivery/errors.ts";
import type { Fence, InventoryEntry, Mailbox, Owner } from "../../delivery/mailbox.ts";
import { backoffMs } from "../backoff.ts";
import type { HubClock } from "../clock.ts";
import { EndReasons, type EndReason } from "../end-reasons.ts";
import type { FenceLine } from "./fence-line.ts";
import { Greeting, type GreetingStep } from "./greeting.ts";
import type { HubMetrics } from "../metrics.ts";
import type { HubOptions } from "../options.ts";
import type { SessionLog } from "../uplink/port.ts";

export interface OwnershipDeps {
  readonly mailbox: Mailbox;
  readonly fenceLine: FenceLine;
  readonly clock: HubClock;
  readonly options: HubOptions;
  readonly metrics: HubMetrics;
  readonly random: () => number;
}

/** What ownership needs of its session. */
export interface OwnershipHost {
  readonly node: string;
  readonly connection: string;
  readonly negotiated: boolean;
  readonly open: boolean;
  readonly log: SessionLog;
  /** When the peer was last heard, on the hub's clock. */
  readonly heardAtMs: number;
  ping(): void;
  reply(to: Frame, content: HelloReply): void;
  /** Both sides speak streams from the reply on. */
  serveStreams(): void;
  end(reason: EndReason): void;
  /** The fence was taken. */
  fenced(fence: Fence): void;
  /** What the edge holds is known: deliver. */
  deliver(): void;
}

const RETRY = { baseMs: 250, capMs: 5_000 };
/** A fence is tried again only for a peer that was heard so lately: a dead socket must not take a session over. */
const HEARD_WITHIN_MS = 2_000;

type Task = "fence" | "record" | "clear";

/**
 * Takes the fence for a session, greets the edge, and records its inventory; tries again while the mailbox cannot
 * be reached. Nothing is delivered before all of it is done; upstream goes on meanwhile.
 */
export class Ownership {
  readonly #deps: OwnershipDeps;
  readonly #host: OwnershipHost;
  readonly #greeting: Greeting;
  readonly #openedAtMs: number;
  #owner: Owner | undefined;
  #synced = false;
  #clearWanted = false;
  #entries: readonly InventoryEntry[] | undefined;
  #busy = false;
  #failures = 0;
  #dueMs = Infinity;
  #repliedAtMs = Infinity;

  constructor(deps: OwnershipDeps, host: OwnershipHost) {
    this.#deps = deps;
    this.#host = host;
    this.#greeting = new Greeting(deps.options.maxInventory);
    this.#openedAtMs = deps.clock.nowMs();
  }

  /** The owner, once delivery may begin. */
  get deliverer(): Owner | undefined {
    return this.#synced ? this.#owner : undefined;
  }

  get complete(): CompleteNotice {
    return { sessionEpoch: this.#greeting.sessionEpoch };
  }

  /** A KubeEdge edge says no hello: its fence is taken at once. */
  start(): void {
    if (!this.#host.negotiated) this.#try("fence");
  }

  onHello(frame: Frame): void {
    this.#follow(this.#greeting.onHello(frame));
  }

  onInventory(frame: Frame): void {
    this.#follow(this.#greeting.onInventory(frame));
    if (this.#greeting.skippedItems > 0 && !this.#greeting.awaitsInventory) {
      this.#deps.metrics.rejects.inc(
        { surface: "tunnel", reason: "bad_inventory_item" },
        this.#greeting.skippedItems,
      );
      this.#host.log.warn({ skipped: this.#greeting.skippedItems }, "inventory items left out");
    }
  }

  /** Forget what the edge acknowledged: it is another machine. Tried until it is done. */
  clear(): void {
    this.#clearWanted = true;
    this.#try("clear");
  }

  /** Tells the mailbox that the session is over, where it was taken. Does not reject. */
  release(): Promise<void> | undefined {
    const { mailbox, metrics } = this.#deps;
    if (this.#owner === undefined) return undefined;
    return mailbox.release(this.#host.node, this.#owner).catch((err: unknown) => {
      // The owner entry stays until the next connection takes it over; wake-ups for it are lost on nobody.
      metrics.mailboxErrors.inc({ operation: "release" });
      this.#host.log.warn({ err }, "session not released");
    });
  }

  sweep(nowMs: number): void {
    if (this.#isLate(nowMs)) return;
    if (this.#dueMs > nowMs || this.#busy) return;
    if (nowMs - this.#host.heardAtMs > HEARD_WITHIN_MS) {
      this.#dueMs = nowMs + RETRY.baseMs * 2;
      this.#host.ping();
      return;
    }
    this.#dueMs = Infinity;
    if (this.#owner === undefined) this.#try("fence");
    else if (this.#entries !== undefined) this.#try("record");
    else if (this.#clearWanted) this.#try("clear");
  }

  #isLate(nowMs: number): boolean {
    if (!this.#host.negotiated) return false;
    const { options } = this.#deps;
    if (this.#greeting.hello === undefined && nowMs - this.#openedAtMs >= options.helloTimeoutMs) {
      this.#host.end(EndReasons.helloTimeout);
      return true;
    }
    if (this.#greeting.awaitsInventory && nowMs - this.#repliedAtMs >= options.inventoryTimeoutMs) {
      this.#host.end(EndReasons.inventoryTimeout);
      return true;
    }
    return false;
  }

  #follow(step: GreetingStep): void {
    switch (step.do) {
      case "fence":
        this.#try("fence");
        return;
      case "reply":
        this.#reply(step.reply);
        return;
      case "record":
        this.#entries = step.entries;
        this.#try("record");
        return;
      case "deliver":
        this.#deliver();
        return;
      case "close":
        this.#host.end(closeOf(step.why));
        return;
      case "nothing":
    }
  }

  #reply(told: Pick<HelloReply, "sessionEpoch" | "clusterEpoch" | "inventory">): void {
    const { frame } = this.#greeting;
    if (frame === undefined) return;
    const { pingIntervalMs, keepaliveIntervalMs, leaseDurationSeconds } = this.#deps.options;
    const batches = (this.#greeting.hello?.deviceBatch ?? 0) >= DEVICE_BATCH_VERSION;
    const reply = {
      ...told,
      ...{ pingIntervalMs, keepaliveIntervalMs, leaseDurationSeconds },
      ...(batches && { deviceBatch: DEVICE_BATCH_VERSION }),
    };
    if (this.#speaksStreams()) {
      this.#host.serveStreams();
      this.#host.reply(frame, { ...reply, streams: STREAMS_VERSION });
    } else this.#host.reply(frame, reply);
    this.#repliedAtMs = this.#deps.clock.nowMs();
    this.#follow(this.#greeting.onReplied());
  }

  /** A newer edge speaks the version of ours too. */
  #speaksStreams(): boolean {
    return this.#deps.options.streams && (this.#greeting.hello?.streams ?? 0) >= STREAMS_VERSION;
  }

  #deliver(): void {
    this.#synced = true;
    this.#host.deliver();
  }

  #try(task: Task): void {
    if (this.#busy) {
      this.#dueMs = this.#deps.clock.nowMs();
      return;
    }
    this.#busy = true;
    const run = (): Promise<void> => this.#attempt(task);
    void (task === "fence" ? this.#deps.fenceLine.enter(this.#host.node, run) : run());
  }

  async #attempt(task: Task): Promise<void> {
    try {
      if (this.#host.open) await this.#perform(task);
      this.#failures = 0;
      if (this.#entries !== undefined || this.#clearWanted) this.#dueMs = this.#deps.clock.nowMs();
    } catch (error) {
      this.#failed(task, error);
    } finally {
      this.#busy = false;
    }
  }

  async #perform(task: Task): Promise<void> {
    if (task === "fence") await this.#fence();
    else if (task === "record") await this.#record();
    else await this.#clear();
  }

  async #fence(): Promise<void> {
    const { node, connection } = this.#host;
    const { sessionEpoch = 0, clusterEpoch = 0 } = this.#greeting.hello ?? {};
    const fence = await this.#deps.mailbox.fence(node, connection, { sessionEpoch, clusterEpoch });
    if (!this.#host.open) {
      await this.#deps.mailbox.release(node, fence.owner);
      return;
    }
    this.#owner = fence.owner;
    this.#host.fenced(fence);
    if (this.#host.negotiated) this.#follow(this.#greeting.onFence(fence));
    else this.#deliver();
  }

  async #record(): Promise<void> {
    if (this.#owner === undefined || this.#entries === undefined) return;
    await this.#deps.mailbox.replaceAcked(this.#host.node, this.#owner, this.#entries);
    this.#entries = undefined;
    if (this.#host.open) this.#deliver();
  }

  async #clear(): Promise<void> {
    await this.#deps.mailbox.clearAcked(this.#host.node);
    this.#clearWanted = false;
    if (this.#host.open) this.#host.deliver();
  }

  #failed(task: Task, error: unknown): void {
    if (!this.#host.open) return;
    this.#deps.metrics.mailboxErrors.inc({ operation: task });
    const refusal = error instanceof DeliveryError ? REFUSALS.get(error.code) : undefined;
    if (refusal !== undefined) {
      this.#host.end(refusal);
      return;
    }
    this.#failures += 1;
    this.#dueMs = this.#deps.clock.nowMs() + backoffMs(this.#failures, RETRY, this.#deps.random());
    this.#host.log.warn({ err: error, task, failures: this.#failures }, "mailbox not reachable");
    if (task === "fence") this.#follow(this.#greeting.onNoFence());
  }
}

/** What trying again cannot change. */
const REFUSALS: ReadonlyMap<DeliveryErrorCode, EndReason> = new Map([
  ["NOT_OWNER", EndReasons.superseded],
  ["LIMIT", EndReasons.tooLarge],
]);

const closeOf = (why: "malformed" | "too-large" | "resync"): EndReason =>
  why === "malformed" ? EndReasons.badMessage : why === "too-large" ? EndReasons.tooLarge : EndReasons.resync;
