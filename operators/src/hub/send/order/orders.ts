// SPDX-License-Identifier: Apache-2.0
import { FIRST_STEP, formatTaskResource, OLD_ORDER_KIND } from "@longshore/crds/tasks";
import { Group, newFrame, Source, type Frame } from "@longshore/crds/wire";
import type { PumpDeps, PumpHost } from "../pump-port.ts";
import { GONE } from "../reader.ts";
import type { Slot } from "../window.ts";
import { orderContent } from "./content.ts";
import { attemptOfOrder, ORDER_KINDS, type Job, type OrderKind } from "./job.ts";
import { isUnanswered, needsArchitecture, oldOrderContent } from "./old-content.ts";

/** What becomes of the slot of an order. */
export interface OrderThen {
  /** It is to be recorded as acknowledged, and then handed to `recorded`. */
  record(slot: Slot): void;
  failed(slot: Slot): void;
  /** It cannot be ordered by this hub. */
  setAside(slot: Slot): void;
}

/** Nothing is written: the order was withdrawn, or was answered before. */
const NOTHING = Symbol("nothing");
/** It can never be sent as it is. */
const IMPOSSIBLE = Symbol("impossible");
type Prepared = Frame | typeof NOTHING | typeof IMPOSSIBLE;

/**
 * Orders of tasks to edges that acknowledge none: a plain EdgeCore does what it is told each time that it is told.
 * So an order is recorded as acknowledged first and written then, at most once; when it is lost on its way, the task
 * runs into its timeout. A withdrawn order is settled without a word, as there is none.
 */
export class Orders {
  readonly #deps: Pick<PumpDeps, "reader" | "reports" | "newId" | "clock" | "metrics">;
  readonly #host: PumpHost;
  readonly #then: OrderThen;
  /** Read, and on their way into the mailbox. */
  readonly #outgoing = new Map<Slot, Frame>();

  constructor(
    deps: Pick<PumpDeps, "reader" | "reports" | "newId" | "clock" | "metrics">,
    host: PumpHost,
    then: OrderThen,
  ) {
    this.#deps = deps;
    this.#host = host;
    this.#then = then;
  }

  /** Ours acknowledge an order as any object. What is of v1alpha1 is never an object of theirs. */
  takes(kind: string): boolean {
    const order = ORDER_KINDS.get(kind);
    return order !== undefined && (!this.#host.negotiated || order.dialect === "v1alpha1");
  }

  async start(slot: Slot): Promise<void> {
    const order = ORDER_KINDS.get(slot.want.kind);
    if (order === undefined) return;
    try {
      const prepared = slot.want.op === "del" ? NOTHING : await this.#prepare(slot, order);
      if (this.#host.open) this.#offer(slot, prepared);
    } catch (error) {
      this.#then.failed(slot);
      this.#host.log.warn({ err: error, key: slot.key }, "order not prepared");
    }
  }

  /** The slot is recorded: nobody sends this order again, so now it is sent. */
  recorded(slot: Slot): void {
    const frame = this.#outgoing.get(slot);
    this.forget(slot);
    if (frame === undefined || !this.#host.open || this.#host.owner === undefined) return;
    this.#host.write(frame, slot.want.kind);
    this.#count(slot, "sent");
    this.#host.log.info({ key: slot.key }, "task ordered");
  }

  forget(slot: Slot): void {
    this.#outgoing.delete(slot);
  }

  #offer(slot: Slot, prepared: Prepared): void {
    if (prepared === IMPOSSIBLE) {
      this.#count(slot, "impossible");
      this.#host.log.warn({ key: slot.key }, "this edge cannot be ordered to do this");
      this.#then.setAside(slot);
      return;
    }
    if (prepared !== NOTHING) this.#outgoing.set(slot, prepared);
    else this.#count(slot, slot.op === "del" ? "withdrawn" : "answered");
    slot.state = "settling";
    this.#then.record(slot);
  }

  async #prepare(slot: Slot, order: OrderKind): Promise<Prepared> {
    if (this.#host.negotiated) return IMPOSSIBLE;
    const { want } = slot;
    const found = await this.#deps.reader.read(want);
    if (found === GONE || found.job === undefined) {
      slot.op = "del";
      return NOTHING;
    }
    slot.resourceVersion = found.resourceVersion;
    return await this.#compose(order, found.job, want.digest);
  }

  async #compose(order: OrderKind, job: Job, digest: string): Promise<Prepared> {
    const { node } = this.#host;
    const state = job.states.get(node) ?? "";
    // By now the task has ended, or was taken back: its order goes too.
    if (order.dialect === "v1alpha1" && !job.states.has(node)) return NOTHING;
    if (order.dialect === "v1alpha1" && order.kind === "NodeUpgradeJob" && isUnanswered(job))
      return IMPOSSIBLE;
    const attempt = attemptOfOrder(job, digest, order.dialect === "v1alpha1" ? state : "");
    const standing = { order, jobUid: job.metadata.uid, node, attempt, state };
    if (await this.#deps.reports.isAnswered(standing)) return NOTHING;
    return this.#frame(order, job, order.dialect === "v1alpha2" ? "" : await this.#architecture(order, job));
  }

  #frame(order: OrderKind, job: Job, architecture: string): Frame {
    const { node } = this.#host;
    const resource = formatTaskResource({ ...order, job: job.metadata.name, node });
    const head = { source: Source.taskManager, group: Group.taskManager, resource };
    const origin = { newId: this.#deps.newId, now: () => this.#deps.clock.wallMs() };
    if (order.dialect === "v1alpha2" || order.kind === "ConfigUpdateJob")
      return newFrame(
        { ...head, operation: FIRST_STEP, content: orderContent(order.kind, job.spec) },
        origin,
      );
    const type = OLD_ORDER_KIND[order.kind] as "upgrade" | "prepull";
    const content = oldOrderContent({ type, job, state: job.states.get(node) ?? "", architecture });
    return newFrame({ ...head, operation: type, content }, origin);
  }

  async #architecture({ kind }: OrderKind, job: Job): Promise<string> {
    if (kind !== "NodeUpgradeJob" || !needsArchitecture(job)) return "";
    const { node: name } = this.#host;
    const found = await this.#deps.reader.readNow({ kind: "node", namespace: "", name });
    if (found === GONE) return "";
    const node = JSON.parse(found.content.toString()) as {
      status?: { nodeInfo?: { architecture?: string } };
    };
    return node.status?.nodeInfo?.architecture ?? "";
  }

  #count({ want }: Slot, outcome: "sent" | "withdrawn" | "answered" | "impossible"): void {
    this.#deps.metrics.orders.inc({ kind: want.kind, outcome });
  }
}
