// SPDX-License-Identifier: Apache-2.0
import { inventoryDigest } from "@longshore/crds/wire";
import { DeliveryError } from "../../src/delivery/errors.ts";
import type { Acked, Mailbox, Owner, Want } from "../../src/delivery/mailbox.ts";
import type { Outbox, Ref } from "../../src/delivery/outbox.ts";
import { uid } from "./fixture.ts";

/** What the API server has: the truth. */
export class Cluster {
  readonly objects = new Map<string, Ref>();
  #version = 0;
  #uids = 0;

  /** Creates, changes (with or without its content) or deletes an object. */
  change(name: string, how: "write" | "touch" | "delete" | "recreate"): void {
    const old = this.objects.get(name);
    if (how === "delete") {
      this.objects.delete(name);
      return;
    }
    const rv = `${++this.#version}`;
    const id =
      old && how !== "recreate"
        ? old.uid
        : uid(String.fromCodePoint(65 + (this.#uids++ % 26)) + `${this.#uids}`);
    const digest = old && how === "touch" ? old.digest : `d${rv}`;
    this.objects.set(name, { kind: "pod", namespace: "ns", name, uid: id, resourceVersion: rv, digest });
  }

  refs(): Ref[] {
    return [...this.objects.values()];
  }
}

/** What the edge has made durable. */
export class Edge {
  readonly store = new Map<string, Ref>();
  readonly #applied = new Map<string, number>();
  /** frames that came */
  received = 0;

  /** @throws when a version goes backwards */
  apply(frame: Frame): void {
    this.received++;
    const held = this.store.get(frame.object.name);
    const { uid: id, name, resourceVersion } = frame.object;
    if (frame.op === "del") {
      if (held?.uid === id) this.store.delete(name);
      return;
    }
    const version = Number(resourceVersion);
    if (version < (this.#applied.get(id) ?? 0))
      throw new Error(`version of ${id} went back to ${resourceVersion}`);
    this.#applied.set(id, version);
    if (held && held.uid !== id && Number(held.resourceVersion) > version) return;
    this.store.set(name, frame.object);
  }

  items() {
    const key = (r: Ref): string => `${r.kind}/${r.namespace}/${r.name}`;
    return [...this.store.values()].map((r) => [key(r), r.uid, r.resourceVersion, r.digest] as const);
  }
}

export interface Frame {
  readonly op: "put" | "del";
  readonly object: Ref;
  readonly want: Want;
}

export type Dialect = "ours" | "legacy";

/** A hub's session with the edge: frames on their way, and acks that have come back. */
export class Session {
  readonly frames: Frame[] = [];
  readonly acks: Frame[] = [];
  readonly inFlight = new Set<string>();
  readonly #mailbox: Mailbox;
  readonly #node: string;
  readonly owner: Owner;

  constructor(mailbox: Mailbox, node: string, owner: Owner) {
    this.#mailbox = mailbox;
    this.#node = node;
    this.owner = owner;
  }

  /** Connects as our own edge does, with hello, and the inventory when it differs; or as an EdgeCore, with neither. */
  static async open(mailbox: Mailbox, node: string, edge: Edge, dialect: Dialect): Promise<Session> {
    const fence = await mailbox.fence(node, crypto.randomUUID(), { sessionEpoch: 0, clusterEpoch: 0 });
    const items = edge.items();
    if (dialect === "ours" && fence.ackedDigest !== inventoryDigest(items)) {
      const inventory = items.map(([key, id, resourceVersion, digest]) => ({
        key,
        uid: id,
        resourceVersion,
        digest,
      }));
      await mailbox.replaceAcked(node, fence.owner, inventory);
    }
    return new Session(mailbox, node, fence.owner);
  }

  /** Takes and sends; objects are read now, not when they were wanted. */
  async pump(cluster: Cluster, limit: number): Promise<{ sent: number; placementPending: boolean }> {
    const { wants, placementPending } = await this.#mailbox.take(
      this.#node,
      this.owner,
      limit,
      this.inFlight,
    );
    for (const want of wants) {
      this.inFlight.add(want.field);
      this.frames.push(frameOf(want, cluster));
    }
    return { sent: wants.length, placementPending };
  }

  /** The edge stores the oldest frame. */
  arrive(edge: Edge): void {
    const frame = this.frames.shift();
    if (!frame) return;
    edge.apply(frame);
    this.acks.push(frame);
  }

  /** What could not be told stays to be told. */
  async ack(count: number): Promise<void> {
    const frames = this.acks.slice(0, count);
    await this.#mailbox.ack(this.#node, this.owner, frames.map(ackOfFrame));
    this.acks.splice(0, count);
    for (const { want } of frames) this.inFlight.delete(want.field);
  }
}

function frameOf(want: Want, cluster: Cluster): Frame {
  const { kind, namespace, name, uid: id, resourceVersion, digest } = want;
  const found = want.op === "put" ? cluster.objects.get(name) : undefined;
  // Another uid by now is "not found": nothing is sent whose uid the mailbox does not know.
  if (found?.uid === id) return { op: "put", object: found, want };
  return { op: "del", object: { kind, namespace, name, uid: id, resourceVersion, digest }, want };
}

const ackOfFrame = ({ op, object, want }: Frame): Acked => ({
  ...{ field: want.field, token: want.token, op, uid: object.uid },
  ...{ resourceVersion: object.resourceVersion, digest: object.digest },
});

export const isNotOwner = (error: unknown): boolean =>
  error instanceof DeliveryError && error.code === "NOT_OWNER";

export interface Settling {
  readonly outbox: Outbox;
  readonly mailbox: Mailbox;
  readonly node: string;
  readonly cluster: Cluster;
  readonly edge: Edge;
  readonly dialect: Dialect;
  /** The session that lives, if one does. */
  readonly session: Session | undefined;
  readonly term: number;
}

/** Faults are over: placement and session do their work until nothing is left. */
export async function settle(parts: Settling): Promise<void> {
  const { outbox, mailbox, node, cluster, edge, term } = parts;
  const session = parts.session ?? (await Session.open(mailbox, node, edge, parts.dialect));
  await outbox.sync(node, "workload", cluster.refs(), term);
  for (let round = 1; round <= 100; round++) {
    while (session.frames.length > 0) session.arrive(edge);
    await session.ack(session.acks.length);
    const { sent, placementPending } = await session.pump(cluster, 7);
    if (placementPending) await outbox.sync(node, "workload", cluster.refs(), term);
    if (sent === 0 && !placementPending) return;
  }
  throw new Error("it does not settle");
}

/** Name to uid and content, for comparison. */
export const contents = (refs: Iterable<Ref>): Record<string, string> =>
  Object.fromEntries([...refs].map((r): [string, string] => [r.name, `${r.uid} ${r.digest}`]));
