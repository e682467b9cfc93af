// SPDX-License-Identifier: Apache-2.0
import type { Frame, Hello, HelloReply } from "@longshore/crds/wire";
import type { Fence, InventoryEntry } from "../../delivery/mailbox.ts";
import { InventoryCollector, readHello, type PartResult } from "./inventory.ts";

/** What a session does next, after an input to its greeting. */
export type GreetingStep =
  | { readonly do: "nothing" }
  | { readonly do: "fence" }
  | { readonly do: "reply"; readonly reply: Pick<HelloReply, "sessionEpoch" | "clusterEpoch" | "inventory"> }
  | { readonly do: "record"; readonly entries: readonly InventoryEntry[] }
  | { readonly do: "deliver" }
  | { readonly do: "close"; readonly why: "malformed" | "too-large" | "resync" };

const NOTHING: GreetingStep = { do: "nothing" };

/**
 * The greeting of a negotiated session: hello, its reply, the inventory. Pure; the session acts.
 *
 * Normally the fence comes first, and the reply says whether the edge's inventory is needed. When the mailbox cannot
 * be reached the edge is answered all the same, so that status and Leases go on: it is asked for its inventory,
 * which waits here for the fence.
 */
export class Greeting {
  readonly #maxInventory: number;
  #hello: Hello | undefined;
  #frame: Frame | undefined;
  #told: { sessionEpoch: number; clusterEpoch: number; inventory: "match" | "send" } | undefined;
  #collector: InventoryCollector | undefined;
  #collected = false;
  #fenced = false;

  constructor(maxInventory: number) {
    this.#maxInventory = maxInventory;
  }

  get hello(): Hello | undefined {
    return this.#hello;
  }

  /** The frame that the reply answers. */
  get frame(): Frame | undefined {
    return this.#frame;
  }

  get replied(): boolean {
    return this.#told !== undefined;
  }

  /** The edge was asked for its inventory and has not sent all of it. */
  get awaitsInventory(): boolean {
    return this.#collector !== undefined && !this.#collected;
  }

  /** The session epoch that the edge was told. */
  get sessionEpoch(): number {
    return this.#told?.sessionEpoch ?? 0;
  }

  get skippedItems(): number {
    return this.#collector?.skipped ?? 0;
  }

  onHello(frame: Frame): GreetingStep {
    const hello = readHello(frame.content);
    if (hello === undefined || this.#hello !== undefined) return { do: "close", why: "malformed" };
    this.#hello = hello;
    this.#frame = frame;
    return { do: "fence" };
  }

  onFence(fence: Fence): GreetingStep {
    const hello = this.#hello;
    if (hello === undefined) return NOTHING;
    this.#fenced = true;
    if (this.#told !== undefined) return this.#onLateFence(fence, this.#told.clusterEpoch);
    const matches =
      hello.clusterEpoch === fence.clusterEpoch &&
      hello.inventoryCount === fence.ackedCount &&
      hello.inventoryDigest === fence.ackedDigest;
    return this.#tell(fence.owner.sessionEpoch, fence.clusterEpoch, matches ? "match" : "send");
  }

  /** There is no fence to be had now. */
  onNoFence(): GreetingStep {
    const hello = this.#hello;
    if (hello === undefined || this.#told !== undefined) return NOTHING;
    return this.#tell(hello.sessionEpoch, hello.clusterEpoch, "send");
  }

  /** The reply is on its way. */
  onReplied(): GreetingStep {
    return this.#fenced && this.#told?.inventory === "match" ? { do: "deliver" } : NOTHING;
  }

  onInventory(frame: Frame): GreetingStep {
    const result: PartResult = this.#collector?.add(frame.content) ?? "malformed";
    if (result === "malformed" || result === "too-large") return { do: "close", why: result };
    if (result === "more") return NOTHING;
    this.#collected = true;
    return this.#fenced ? this.#record() : NOTHING;
  }

  #onLateFence(fence: Fence, toldClusterEpoch: number): GreetingStep {
    if (fence.clusterEpoch !== toldClusterEpoch) return { do: "close", why: "resync" };
    return this.#collected ? this.#record() : NOTHING;
  }

  #record(): GreetingStep {
    return { do: "record", entries: this.#collector?.entries ?? [] };
  }

  #tell(sessionEpoch: number, clusterEpoch: number, inventory: "match" | "send"): GreetingStep {
    this.#told = { sessionEpoch, clusterEpoch, inventory };
    if (inventory === "send") this.#collector = new InventoryCollector(this.#maxInventory);
    return { do: "reply", reply: this.#told };
  }
}
