// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { inventoryDigest } from "@longshore/crds/wire";
import { DeliveryError } from "../../../src/delivery/errors.ts";
import type {
  Acked,
  Batch,
  Fence,
  InventoryEntry,
  Mailbox,
  Owner,
  Wakeups,
  Want,
} from "../../../src/delivery/mailbox.ts";

interface NodeBox {
  want: Map<string, Want>;
  acked: Map<string, Omit<Acked, "token" | "op">>;
  owner?: Owner;
  placementPending: boolean;
}

type Handlers = Parameters<Wakeups["start"]>[0];

/** The mailbox and its wake-ups at the port, in memory. Several hubs may share it. */
export class MemoryMailbox implements Mailbox {
  readonly nodes = new Map<string, NodeBox>();
  readonly ackLog: { node: string; acked: Acked }[] = [];
  readonly hub: string;
  readonly #shared: {
    nodes: Map<string, NodeBox>;
    handlers: Map<string, Handlers>;
    epoch: number;
    highest: bigint;
  };
  /** Every call fails as when Redis cannot be reached. */
  down = false;
  fences = 0;
  takes = 0;
  /** Resolves before each fence; for races. */
  beforeFence: () => Promise<void> = () => Promise.resolve();

  constructor(hub = "hub-0", other?: MemoryMailbox) {
    this.hub = hub;
    this.#shared = other?.share() ?? { nodes: this.nodes, handlers: new Map(), epoch: 1, highest: 0n };
    this.nodes = this.#shared.nodes;
  }

  share() {
    return this.#shared;
  }

  get wakeups(): Wakeups {
    return {
      start: (handlers) => {
        this.#shared.handlers.set(this.hub, handlers);
        return Promise.resolve();
      },
      stop: () => {
        this.#shared.handlers.delete(this.hub);
        return Promise.resolve();
      },
    };
  }

  box(node: string): NodeBox {
    const box = this.nodes.get(node) ?? { want: new Map(), acked: new Map(), placementPending: false };
    this.nodes.set(node, box);
    return box;
  }

  /** What a placement does: wants an object, and wakes the owner's hub. */
  want(node: string, want: Partial<Want> & Pick<Want, "kind" | "name">): Want {
    const box = this.box(node);
    const whole: Want = {
      op: "put",
      scope: "workload",
      namespace: "",
      uid: `uid-${want.name}`,
      resourceVersion: "1",
      digest: "d",
      token: randomUUID(),
      fresh: false,
      field: "",
      ...want,
    };
    const field = want.field ?? `workload:${whole.kind}/${whole.namespace}/${whole.name}`;
    const made = { ...whole, field, fresh: want.fresh ?? !box.acked.has(field) };
    box.want.set(field, made);
    this.wake(node);
    return made;
  }

  wake(node: string): void {
    const { owner } = this.box(node);
    if (owner !== undefined) this.#shared.handlers.get(owner.hub)?.wake(node);
  }

  raiseEpoch(): void {
    this.#shared.epoch += 1;
  }

  async fence(node: string, connection: string, edge: { sessionEpoch: number }): Promise<Fence> {
    await this.beforeFence();
    this.#check();
    this.fences += 1;
    const box = this.box(node);
    const previous = box.owner;
    const sessionEpoch = Math.max(previous?.sessionEpoch ?? 0, edge.sessionEpoch) + 1;
    box.owner = { hub: this.hub, connection, sessionEpoch };
    if (previous !== undefined && previous.hub !== this.hub) {
      this.#shared.handlers.get(previous.hub)?.evict(node, previous);
    }
    const items = [...box.acked.values()].map(
      (a) => [keyOfField(a.field), a.uid, a.resourceVersion] as const,
    );
    return {
      owner: box.owner,
      clusterEpoch: this.#shared.epoch,
      ...(previous === undefined ? {} : { previous }),
      ackedDigest: inventoryDigest(items),
      ackedCount: items.length,
    };
  }

  release(node: string, owner: Owner): Promise<void> {
    return this.#run(() => {
      const box = this.box(node);
      if (box.owner?.connection === owner.connection) delete box.owner;
    });
  }

  take(node: string, owner: Owner, limit: number, inFlight: ReadonlySet<string>): Promise<Batch> {
    return this.#run(() => {
      this.#own(node, owner);
      this.takes += 1;
      const box = this.box(node);
      const wants = [...box.want.values()]
        .filter((want) => !inFlight.has(want.field) && !isHidden(want, box.want))
        .slice(0, limit);
      return { wants, total: box.want.size, placementPending: box.placementPending };
    });
  }

  ack(node: string, owner: Owner, acked: readonly Acked[]): Promise<void> {
    return this.#run(() => {
      this.#own(node, owner);
      const box = this.box(node);
      for (const one of acked) {
        this.ackLog.push({ node, acked: one });
        if (one.op === "del") box.acked.delete(one.field);
        else box.acked.set(one.field, one);
        if (box.want.get(one.field)?.token === one.token) box.want.delete(one.field);
      }
    });
  }

  replaceAcked(node: string, owner: Owner, inventory: readonly InventoryEntry[]): Promise<void> {
    return this.#run(() => {
      this.#own(node, owner);
      const box = this.box(node);
      box.acked.clear();
      for (const { key, ...rest } of inventory)
        box.acked.set(`workload:${key}`, { field: `workload:${key}`, ...rest });
      for (const [field, want] of box.want) {
        const held = box.acked.get(field);
        if (want.op === "put" && held?.uid === want.uid && held.digest === want.digest)
          box.want.delete(field);
      }
    });
  }

  clearAcked(node: string): Promise<void> {
    return this.#run(() => this.box(node).acked.clear());
  }

  requestPlacement(node: string): Promise<void> {
    return this.#run(() => void (this.box(node).placementPending = true));
  }

  names(node: string, scope: string, kinds: ReadonlySet<string>): Promise<readonly string[]> {
    return this.#run(() =>
      [...this.box(node).want.keys(), ...this.box(node).acked.keys()].flatMap((field) => {
        const [kind = "", , name = ""] = keyOfField(field).split("/");
        return field.startsWith(`${scope}:`) && kinds.has(kind) ? [name] : [];
      }),
    );
  }

  observeResourceVersion(resourceVersion: string): Promise<number> {
    return this.#run(() => {
      const seen = BigInt(resourceVersion);
      if (seen < this.#shared.highest) this.#shared.epoch += 1;
      this.#shared.highest = seen;
      return this.#shared.epoch;
    });
  }

  async #run<T>(step: () => T): Promise<T> {
    await Promise.resolve();
    this.#check();
    return step();
  }

  #check(): void {
    if (this.down) throw new DeliveryError("UNAVAILABLE", "down");
  }

  #own(node: string, owner: Owner): void {
    if (this.box(node).owner?.connection !== owner.connection)
      throw new DeliveryError("NOT_OWNER", "not owner");
  }
}

/** A put waits for the delete of an older uid of its key. */
const isHidden = (want: Want, all: ReadonlyMap<string, Want>): boolean => {
  const prefix = `${want.scope}:del:${keyOfField(want.field)}#`;
  return want.op === "put" && [...all.keys()].some((field) => field.startsWith(prefix));
};

const keyOfField = (field: string): string => field.slice(field.indexOf(":") + 1);
