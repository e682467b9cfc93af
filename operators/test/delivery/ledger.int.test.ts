// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { LedgerRecord } from "../../src/delivery/ledger.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { NEW_EDGE, drain, openDelivery, openSession, ref, told, uid, type Delivery } from "./fixture.ts";

const NODE = "edge-1";
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
beforeEach(async () => {
  await delivery.redis.flushall();
  delivery.ledger.onLost(undefined);
});

const place = (...refs: ReturnType<typeof ref>[]) => delivery.outbox.sync(NODE, "workload", refs, 1);
const acked = () => delivery.ledger.acked(NODE);
const names = async (): Promise<string[]> =>
  (await acked()).entries.map((e) => `${e.name}@${e.resourceVersion}`);
const wanted = async (): Promise<string[]> =>
  (await (await openSession(delivery.mailbox, NODE)).take()).map(told);

async function changed(): Promise<string[]> {
  const nodes: string[] = [];
  for await (const batch of delivery.ledger.changedNodes()) nodes.push(...batch);
  return nodes.sort();
}

async function settleAll(): Promise<void> {
  for (const node of await changed())
    await delivery.ledger.settle(node, (await delivery.ledger.acked(node)).mark);
}

const recordOf = (name: string, resourceVersion: string): LedgerRecord => ({
  ...{ kind: "pod", namespace: "ns", name, uid: uid(name), resourceVersion },
});

describe("nodes that acked something new", () => {
  it("are told until they are settled with what was read", async () => {
    await place(ref("a"));
    expect(await changed()).toEqual([]);
    await drain(delivery.mailbox, NODE);
    expect(await changed()).toEqual([NODE]);
    const { mark, entries } = await acked();
    expect(entries).toEqual([{ scope: "workload", ...recordOf("a", "1"), digest: "d1" }]);
    expect(await delivery.ledger.settle(NODE, mark)).toBe(true);
    expect(await changed()).toEqual([]);
    expect(await acked()).toMatchObject({ mark: "", isEstablished: true });
  });

  it("stay when they change between the reading and the settling", async () => {
    await place(ref("a"));
    await drain(delivery.mailbox, NODE);
    const { mark } = await acked();
    await place(ref("a", "a", "2"));
    await drain(delivery.mailbox, NODE);
    expect(await delivery.ledger.settle(NODE, mark)).toBe(false);
    expect(await changed()).toEqual([NODE]);
  });

  it("are not told again for an ack that says nothing new", async () => {
    await place(ref("a"));
    const session = await openSession(delivery.mailbox, NODE);
    const [want] = await session.take();
    await session.ack(want!);
    await settleAll();
    await session.ack(want!);
    expect(await changed()).toEqual([]);
  });

  it.each([
    { what: "a deletion that was acked", step: async () => (await place(), drain(delivery.mailbox, NODE)) },
    {
      what: "an inventory",
      step: async () => {
        const { owner } = await delivery.mailbox.fence(NODE, "c", NEW_EDGE);
        await delivery.mailbox.replaceAcked(NODE, owner, []);
      },
    },
    { what: "a reinstalled edge", step: () => delivery.mailbox.clearAcked(NODE) },
    { what: "a Node that is gone", step: () => delivery.outbox.forget(NODE, 1) },
  ])("are told after $what", async ({ step }) => {
    await place(ref("a"));
    await drain(delivery.mailbox, NODE);
    await settleAll();
    await step();
    expect(await changed()).toEqual([NODE]);
    expect(await names()).toEqual([]);
  });

  it("come in batches, all of them", async () => {
    const nodes = Array.from({ length: 50 }, (_, i) => `edge-${i + 100}`);
    for (const node of nodes) await delivery.mailbox.clearAcked(node);
    expect(await changed()).toEqual(nodes);
  });
});

describe("records in the place of what was lost", () => {
  it("are asked for before anything is wanted of a node that Redis knows nothing of", async () => {
    delivery.ledger.onLost(() => [recordOf("same", "5"), recordOf("older", "4"), recordOf("gone", "3")]);
    expect(await place(ref("same", "same", "5"), ref("older", "older", "6"), ref("new"))).toMatchObject({
      puts: 2,
      dels: 1,
    });
    expect((await wanted()).map((want) => want.split("/")[2])).toEqual(
      expect.arrayContaining(["older d6", "new d1", "gone"].map((text) => expect.stringMatching(`^${text}`))),
    );
  });

  it("know from then on the content of a version that is wanted", async () => {
    delivery.ledger.onLost(() => [recordOf("a", "5")]);
    await place(ref("a", "a", "5", "content"));
    // a heartbeat: another version of the same content
    expect(await place(ref("a", "a", "6", "content"))).toMatchObject({ puts: 0, dels: 0 });
  });

  it("prove the content by its digest, whatever the version", async () => {
    delivery.ledger.onLost(() => [{ ...recordOf("a", "5"), digest: "content" }]);
    expect(await place(ref("a", "a", "6", "content"))).toMatchObject({ puts: 0, dels: 0 });
    expect(await place(ref("a", "a", "7", "other"))).toMatchObject({ puts: 1 });
  });

  it("of an older uid are deleted before the new one is put", async () => {
    delivery.ledger.onLost(() => [recordOf("a", "5")]);
    expect(await place(ref("a", "a2", "5"))).toMatchObject({ puts: 1, dels: 1 });
  });

  it.each([
    { when: "it acked something", step: async () => (await place(ref("a")), drain(delivery.mailbox, NODE)) },
    { when: "it was placed and holds nothing", step: () => place() },
    { when: "it was reinstalled", step: () => delivery.mailbox.clearAcked(NODE) },
    {
      when: "it sent an empty inventory",
      step: async () => {
        const { owner } = await delivery.mailbox.fence(NODE, "c", NEW_EDGE);
        await delivery.mailbox.replaceAcked(NODE, owner, []);
      },
    },
    { when: "it was restored", step: () => delivery.ledger.restoreAcked(NODE, []) },
  ])("are refused when the state of the node is known: $when", async ({ step }) => {
    await step();
    const before = await names();
    expect(await delivery.ledger.restoreAcked(NODE, [recordOf("b", "9")])).toBe(0);
    expect(await names()).toEqual(before);
  });

  it("ask for a placement when they come late", async () => {
    const asked: (string | undefined)[] = [];
    delivery.outbox.onPlacementRequest((node) => asked.push(node));
    expect(await delivery.ledger.restoreAcked(NODE, [recordOf("a", "1")])).toBe(1);
    expect(asked).toEqual([NODE]);
  });

  it("fail the placement while they cannot be told, so that it is tried again", async () => {
    delivery.ledger.onLost(() => {
      throw new Error("not read yet");
    });
    await expect(place(ref("a"))).rejects.toThrow("not read yet");
    expect(await wanted()).toEqual([]);
  });

  it("may be many", async () => {
    const records = Array.from({ length: 4500 }, (_, i) => recordOf(`pod-${i}`, "7"));
    delivery.ledger.onLost(() => records);
    const refs = records.map((r): ReturnType<typeof ref> => ({ ...r, digest: "d" }));
    expect(await place(...refs)).toMatchObject({ puts: 0, dels: 0 });
  });
});

describe("what was acked before Redis was replaced", () => {
  /** As if another process had come up on a copy. */
  const replace = () => delivery.redis.hset(`${delivery.prefix}:{${NODE}}:meta`, "ledger", "another");

  it("is told to be so until it is established again, whichever way", async () => {
    await place(ref("a"));
    await drain(delivery.mailbox, NODE);
    expect(await acked()).toMatchObject({ isEstablished: true, isFormer: true });
    for (const establish of [
      async () => delivery.ledger.doubt(NODE, (await acked()).mark, []),
      () => delivery.mailbox.clearAcked(NODE),
      async () => {
        const { owner } = await delivery.mailbox.fence(NODE, "c", NEW_EDGE);
        await delivery.mailbox.replaceAcked(NODE, owner, []);
      },
    ]) {
      await replace();
      expect(await acked()).toMatchObject({ isEstablished: true, isFormer: true });
      await establish();
      expect(await acked()).toMatchObject({ isEstablished: true, isFormer: false });
    }
  });

  it("is sent again or deleted where it is in doubt, and stands where it is not", async () => {
    await place(ref("sure"), ref("wanted"), ref("gone"));
    await drain(delivery.mailbox, NODE);
    await replace();
    const objects = [recordOf("wanted", "1"), recordOf("gone", "1"), recordOf("unknown", "1")];
    expect(await delivery.ledger.doubt(NODE, (await acked()).mark, objects)).toBe(true);
    await place(ref("sure"), ref("wanted"));
    expect((await wanted()).map((want) => want.split(" ").slice(0, 2).join(" ")).sort()).toEqual([
      "del pod/ns/gone",
      "del pod/ns/unknown",
      "put pod/ns/wanted",
    ]);
    await drain(delivery.mailbox, NODE);
    expect((await names()).sort()).toEqual(["sure@1", "wanted@1"]);
  });

  it("is left alone when the node has acked something since it was read", async () => {
    await place(ref("a"));
    await drain(delivery.mailbox, NODE);
    const { mark } = await acked();
    await place(ref("a", "a", "2"));
    await drain(delivery.mailbox, NODE);
    expect(await delivery.ledger.doubt(NODE, mark, [recordOf("a", "1")])).toBe(false);
    expect(await names()).toEqual(["a@2"]);
  });
});
