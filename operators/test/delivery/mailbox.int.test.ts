// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { inventoryDigest } from "@longshore/crds/wire";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { InventoryEntry } from "../../src/delivery/mailbox.ts";
import type { Ref } from "../../src/delivery/outbox.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import {
  NEW_EDGE,
  ackOf,
  drain,
  openDelivery,
  openSession,
  ref,
  told,
  uid,
  type Delivery,
} from "./fixture.ts";

let server: TestRedis;
let delivery: Delivery;

beforeAll(async () => {
  server = await startRedis();
  delivery = await openDelivery(server);
});
afterAll(async () => {
  delivery.close();
  await server.stop();
});

const node = (): string => `n-${randomUUID()}`;
const sync = (name: string, ...refs: Ref[]) => delivery.outbox.sync(name, "workload", refs, 1);
const A1 = ref("a", "A", "1");
const A2 = ref("a", "A", "2");
const B4 = ref("a", "B", "4");
const fresh = (name: string) => openSession(delivery.mailbox, name);
const entry = (r: Ref): InventoryEntry => ({ key: `${r.kind}/${r.namespace}/${r.name}`, ...r });

describe("fence", () => {
  it("counts the session epoch up, from the higher of Redis and the edge", async () => {
    const name = node();
    const epochs: number[] = [];
    for (const sessionEpoch of [0, 0, 40, 3]) {
      const fence = await delivery.mailbox.fence(name, randomUUID(), { sessionEpoch, clusterEpoch: 0 });
      epochs.push(fence.owner.sessionEpoch);
    }
    expect(epochs).toEqual([1, 2, 41, 42]);
  });

  it("keeps counting after a release", async () => {
    const name = node();
    const first = await fresh(name);
    await delivery.mailbox.release(name, first.owner);
    const second = await fresh(name);
    expect(second.owner.sessionEpoch).toBe(first.owner.sessionEpoch + 1);
    expect(second.fence.previous).toBeUndefined();
  });

  it.each([-1, 1.5, Number.MAX_SAFE_INTEGER, Number.NaN])(
    "ignores an epoch of %d told by an edge",
    async (odd) => {
      const fence = await delivery.mailbox.fence(node(), "c", { sessionEpoch: odd, clusterEpoch: odd });
      expect(fence.owner.sessionEpoch).toBe(1);
      expect(fence.clusterEpoch).toBeLessThan(1000);
    },
  );

  it("takes the session over from another hub and tells that hub", async () => {
    const name = node();
    await sync(name, A1);
    const first = await openSession(delivery.mailboxOf("hub-a"), name);
    delivery.waker.calls.length = 0;
    const second = await openSession(delivery.mailboxOf("hub-b"), name);
    expect(second.fence.previous).toEqual(first.owner);
    expect(delivery.waker.calls).toContainEqual({ kind: "evict", hub: "hub-a", node: name });
  });

  it("refuses every step of the session that was taken over, and none of them has an effect", async () => {
    const name = node();
    await sync(name, A1);
    const old = await fresh(name);
    const wants = await old.take();
    const now = await fresh(name);
    const refused = { code: "NOT_OWNER", retryable: false };
    await expect(old.take()).rejects.toMatchObject(refused);
    await expect(old.ack(...wants)).rejects.toMatchObject(refused);
    await expect(delivery.mailbox.replaceAcked(name, old.owner, [entry(A1)])).rejects.toMatchObject(refused);
    await delivery.mailbox.release(name, old.owner);
    expect((await now.take()).map(told)).toEqual(["put pod/ns/a d1"]);
  });

  it("tells the digest of what is acked as the edge computes it", async () => {
    const name = node();
    const nodeRef: Ref = { ...ref(name), kind: "node", namespace: "" };
    await sync(name, A1, nodeRef);
    await drain(delivery.mailbox, name);
    const { fence } = await fresh(name);
    const items = [A1, nodeRef].map(
      (r) => [`${r.kind}/${r.namespace}/${r.name}`, r.uid, r.resourceVersion, r.digest] as const,
    );
    expect(fence).toMatchObject({ ackedCount: 2, ackedDigest: inventoryDigest(items) });
  });

  it("asks for a placement of a node that was never placed, until it is", async () => {
    const name = node();
    delivery.waker.calls.length = 0;
    const session = await fresh(name);
    expect(delivery.waker.calls).toEqual([{ kind: "placement", node: name }]);
    expect(await session.batch()).toMatchObject({ total: 0, placementPending: true });
    delivery.waker.calls.length = 0;
    await sync(name);
    expect(delivery.waker.calls).toEqual([{ kind: "wake", hub: "hub-0", node: name }]);
    expect(await session.batch()).toMatchObject({ total: 0, placementPending: false });
  });

  it("waits for the placement of every scope that somebody places", async () => {
    const two = await openDelivery(server, { scopes: ["workload", "device"] });
    const session = await openSession(two.mailbox, "n");
    await two.outbox.sync("n", "workload", [], 1);
    expect((await session.batch()).placementPending).toBe(true);
    await two.outbox.sync("n", "device", [], 1);
    expect((await session.batch()).placementPending).toBe(false);
    two.close();
  });
});

describe("take", () => {
  it("hands out the oldest first, up to the limit, and says how much there is", async () => {
    const name = node();
    const refs = ["c", "a", "b"].map((n) => ref(n));
    for (let i = 1; i <= 3; i++) await sync(name, ...refs.slice(0, i));
    const { owner } = await fresh(name);
    const batch = await delivery.mailbox.take(name, owner, 2, new Set());
    expect(batch.wants.map(told)).toEqual(["put pod/ns/c d1", "put pod/ns/a d1"]);
    expect(batch.total).toBe(3);
  });

  it("hides what is in flight, and whatever else is about the same key", async () => {
    const name = node();
    await sync(name, A1, ref("o"));
    const session = await fresh(name);
    const [first] = await session.take(1);
    const inFlight = new Set([first!.field]);
    expect((await session.take(9, inFlight)).map(told)).toEqual(["put pod/ns/o d1"]);
    await sync(name, B4, ref("o"));
    expect((await session.take(9, inFlight)).map(told)).toEqual(["put pod/ns/o d1"]);
    expect((await session.take()).map(told)).toEqual(["put pod/ns/o d1", `del del:pod/ns/a#${uid("A")} d1`]);
  });

  it("says whether the edge holds a version already", async () => {
    const name = node();
    await sync(name, A1);
    const session = await fresh(name);
    const [first] = await session.take();
    expect(first).toMatchObject({
      fresh: true,
      kind: "pod",
      namespace: "ns",
      name: "a",
      uid: uid("A"),
      scope: "workload",
    });
    await session.ack(first!);
    await sync(name, A2);
    expect(await session.take()).toMatchObject([{ fresh: false, resourceVersion: "2", digest: "d2" }]);
  });

  it.each(["mirror-0123456789abcdef", "0123456789abcdef", "", "ÄÖ"])(
    "keeps a uid that is no UUID: %j",
    async (odd) => {
      const name = node();
      await sync(name, { ...A1, uid: odd });
      const session = await fresh(name);
      const wants = await session.take();
      expect(wants).toMatchObject([{ uid: odd, resourceVersion: "1", digest: "d1" }]);
      await session.ack(...wants);
      await sync(name);
      expect(await session.take()).toMatchObject([{ op: "del", uid: odd }]);
    },
  );
});

describe("ack", () => {
  it("removes a want only if it is the one that was sent", async () => {
    const name = node();
    await sync(name, A1);
    const session = await fresh(name);
    const sent = await session.take();
    await sync(name, A2);
    await session.ack(...sent);
    expect((await session.take()).map(told)).toEqual(["put pod/ns/a d2"]);
  });

  it("records what was really sent, so that a newer version is not sent again", async () => {
    const name = node();
    await sync(name, A1);
    const session = await fresh(name);
    const [want] = await session.take();
    await delivery.mailbox.ack(name, session.owner, [
      { ...ackOf(want!), resourceVersion: "2", digest: "d2" },
    ]);
    expect(await sync(name, A2)).toMatchObject({ puts: 0, dels: 0 });
  });

  it("of an old uid's del leaves the new uid alone", async () => {
    const name = node();
    await sync(name, A1);
    await drain(delivery.mailbox, name);
    await sync(name);
    const session = await fresh(name);
    const [del] = await session.take();
    // meanwhile recreated and delivered
    await sync(name, B4);
    await session.ack(del!);
    const rest = await session.take();
    await session.ack(...rest);
    await session.ack(...(await session.take()));
    await session.ack(del!);
    expect(await sync(name, B4)).toMatchObject({ puts: 0, dels: 0 });
    expect(await session.take()).toEqual([]);
  });

  it("twice is as good as once", async () => {
    const name = node();
    await sync(name, A1);
    const session = await fresh(name);
    const wants = await session.take();
    delivery.waker.calls.length = 0;
    await session.ack(...wants);
    await session.ack(...wants);
    expect(delivery.waker.calls).toEqual([]);
    expect(await session.take()).toEqual([]);
  });

  it("of something that nobody here knows of asks for a placement, for the record was lost", async () => {
    const name = node();
    await sync(name, A1);
    const session = await fresh(name);
    const wants = await session.take();
    await delivery.redis.del(`${delivery.prefix}:{${name}}:want`);
    delivery.waker.calls.length = 0;
    await session.ack(...wants);
    expect(delivery.waker.calls).toEqual([{ kind: "placement", node: name }]);
    expect((await session.batch()).placementPending).toBe(true);
    await sync(name);
    expect((await session.take()).map(told)).toEqual(["del pod/ns/a d1"]);
  });
});

describe("replaceAcked", () => {
  it("prunes satisfied wants, keeps the others and asks for a placement", async () => {
    const name = node();
    const held = ref("held");
    await sync(name, held, A1, ref("gone"));
    await drain(delivery.mailbox, name);
    await sync(name, ref("held", "held", "2"), A2);
    const session = await fresh(name);
    delivery.waker.calls.length = 0;
    // The edge has got A2 already, has never had `gone`, and holds a stranger.
    const inventory = [entry(held), entry(A2), entry(ref("stranger"))];
    await delivery.mailbox.replaceAcked(name, session.owner, inventory);
    expect(delivery.waker.calls).toEqual([{ kind: "placement", node: name }]);
    const batch = await session.batch();
    expect(batch.placementPending).toBe(true);
    expect(batch.wants.map(told)).toEqual(["put pod/ns/held d2"]);
    await sync(name, ref("held", "held", "2"), A2);
    expect((await session.take()).map(told)).toEqual(["put pod/ns/held d2", "del pod/ns/stranger d1"]);
    expect((await session.batch()).placementPending).toBe(false);
  });

  it("keeps the del of an old uid that the edge still holds", async () => {
    const name = node();
    await sync(name, A1);
    await drain(delivery.mailbox, name);
    await sync(name, B4);
    const session = await fresh(name);
    await delivery.mailbox.replaceAcked(name, session.owner, [entry(A1)]);
    expect((await session.take()).map(told)).toEqual([`del del:pod/ns/a#${uid("A")} d1`]);
  });

  it("takes 5,000 entries, and refuses more than the limit", async () => {
    const name = node();
    const many = Array.from({ length: 5000 }, (_, i) => ref(`p${i}`));
    const session = await fresh(name);
    await delivery.mailbox.replaceAcked(name, session.owner, many.map(entry));
    expect(await delivery.outbox.sync(name, "workload", many, 1)).toMatchObject({ puts: 0, dels: 0 });
    const tooMany = Array.from({ length: 10_001 }, (_, i) => entry(ref(`p${i}`)));
    await expect(delivery.mailbox.replaceAcked(name, session.owner, tooMany)).rejects.toMatchObject({
      code: "LIMIT",
    });
  });
});

describe("clearAcked", () => {
  it("gives a reinstalled node everything again", async () => {
    const name = node();
    await sync(name, A1, ref("o"));
    await drain(delivery.mailbox, name);
    delivery.waker.calls.length = 0;
    await delivery.mailbox.clearAcked(name);
    expect(delivery.waker.calls).toEqual([{ kind: "placement", node: name }]);
    expect(await sync(name, A1, ref("o"))).toMatchObject({ puts: 2 });
    const session = await fresh(name);
    expect((await session.take()).every((want) => want.fresh)).toBe(true);
  });
});

describe("observeResourceVersion", () => {
  const open = async () => {
    const own = await openDelivery(server);
    const observe = async (...versions: string[]): Promise<number[]> => {
      const epochs: number[] = [];
      for (const version of versions) {
        epochs.push(await own.mailbox.observeResourceVersion(version));
      }
      return epochs;
    };
    return { ...own, observe };
  };

  it("raises the epoch when the version went back, and has everything compared", async () => {
    const { observe, waker, close } = await open();
    expect(await observe("5", "9", "10", "10", "7", "8")).toEqual([1, 1, 1, 1, 2, 2]);
    expect(waker.calls).toEqual([{ kind: "placement", node: undefined }]);
    close();
  });

  it("compares as decimal text, beyond what a number can hold", async () => {
    const { observe, close } = await open();
    expect(await observe("9007199254740992", "9007199254740993", "9007199254740992")).toEqual([1, 1, 2]);
    close();
  });

  it("takes the higher epoch of an edge that has seen more than an emptied Redis", async () => {
    const { mailbox, observe, close } = await open();
    const fence = await mailbox.fence("n", "c", { ...NEW_EDGE, clusterEpoch: 4 });
    expect(fence.clusterEpoch).toBe(4);
    expect(await observe("5", "3")).toEqual([4, 5]);
    close();
  });
});

describe("a Redis that is away", () => {
  it("fails every call at once as UNAVAILABLE, and works again when it is back", async () => {
    const own = await startRedis({ appendOnly: true });
    const d = await openDelivery(own);
    await d.outbox.sync("n", "workload", [A1], 1);
    const session = await openSession(d.mailbox, "n");
    await own.kill();
    const away = { code: "UNAVAILABLE", retryable: true };
    await expect(d.outbox.sync("n", "workload", [A2], 1)).rejects.toMatchObject(away);
    await expect(session.take()).rejects.toMatchObject(away);
    await expect(d.mailbox.fence("n", "c", NEW_EDGE)).rejects.toMatchObject(away);
    await expect(d.mailbox.observeResourceVersion("1")).rejects.toMatchObject(away);
    const back = new Promise((resolve) => d.redis.once("ready", resolve));
    await own.start();
    await back;
    expect((await session.take()).map(told)).toEqual(["put pod/ns/a d1"]);
    d.close();
    await own.stop();
  });

  it.each([
    ["out of memory", ["CONFIG", "SET", "maxmemory", "1"]],
    ["a replica", ["REPLICAOF", "127.0.0.1", "1"]],
  ])("is UNAVAILABLE too when it refuses writes: %s", async (_when, command) => {
    const own = await startRedis();
    const d = await openDelivery(own);
    const [name = "", ...args] = command;
    await d.redis.call(name, ...args);
    await expect(d.outbox.sync("n", "workload", [A1], 1)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    d.close();
    await own.stop();
  });
});
