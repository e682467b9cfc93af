// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Ref } from "../../src/delivery/outbox.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { drain, openDelivery, openSession, ref, told, uid, type Delivery } from "./fixture.ts";

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

/** What was there before: acked by the edge, handed to a hub but not acked, or only written. */
type Step = readonly ["acked" | "sent" | "wanted", readonly Ref[]];

interface Case {
  readonly when: string;
  readonly before: readonly Step[];
  readonly refs: readonly Ref[];
  /** in the order in which it is handed out */
  readonly want: readonly string[];
  /** hidden until what is before it is acked */
  readonly then?: readonly string[];
}

const A1 = ref("a", "A", "1");
const A2 = ref("a", "A", "2");
const A3 = ref("a", "A", "3");
const B4 = ref("a", "B", "4");
const C5 = ref("a", "C", "5");
const other = ref("o");
const oldUid = (id: string): string => `del:pod/ns/a#${uid(id)}`;

const cases: readonly Case[] = [
  { when: "nothing is there and nothing is given", before: [], refs: [], want: [] },
  { when: "an object is new", before: [], refs: [A1], want: ["put pod/ns/a d1"] },
  {
    when: "an object is given twice, the last counts",
    before: [],
    refs: [A1, A2],
    want: ["put pod/ns/a d2"],
  },
  { when: "the same is wanted already", before: [["wanted", [A1]]], refs: [A1], want: ["put pod/ns/a d1"] },
  { when: "the same is acked", before: [["acked", [A1]]], refs: [A1], want: [] },
  {
    when: "only the version of an acked object rose, not its content",
    before: [["acked", [A1]]],
    refs: [ref("a", "A", "9", "d1")],
    want: [],
  },
  { when: "an acked object changed", before: [["acked", [A1]]], refs: [A2], want: ["put pod/ns/a d2"] },
  { when: "a wanted object changed", before: [["wanted", [A1]]], refs: [A2], want: ["put pod/ns/a d2"] },
  { when: "a sent object changed", before: [["sent", [A1]]], refs: [A2], want: ["put pod/ns/a d2"] },
  {
    when: "an acked object changed and changed back before it was sent",
    before: [
      ["acked", [A1]],
      ["wanted", [A2]],
    ],
    refs: [A1],
    want: [],
  },
  {
    when: "an acked object changed and changed back after it was sent",
    before: [
      ["acked", [A1]],
      ["sent", [A2]],
    ],
    refs: [A1],
    want: ["put pod/ns/a d1"],
  },
  { when: "an acked object is gone", before: [["acked", [A1]]], refs: [], want: ["del pod/ns/a d1"] },
  { when: "a wanted object is gone before it was sent", before: [["wanted", [A1]]], refs: [], want: [] },
  { when: "a sent object is gone", before: [["sent", [A1]]], refs: [], want: ["del pod/ns/a d1"] },
  {
    when: "an acked object changed and is gone before the change was sent",
    before: [
      ["acked", [A1]],
      ["wanted", [A2]],
    ],
    refs: [],
    want: ["del pod/ns/a d1"],
  },
  {
    when: "an acked object is gone, told twice",
    before: [
      ["acked", [A1]],
      ["wanted", []],
    ],
    refs: [],
    want: ["del pod/ns/a d1"],
  },
  {
    when: "an acked object was gone and is back before the del was sent",
    before: [
      ["acked", [A1]],
      ["wanted", []],
    ],
    refs: [A1],
    want: [],
  },
  {
    when: "an acked object was gone and is back after the del was sent",
    before: [
      ["acked", [A1]],
      ["sent", []],
    ],
    refs: [A1],
    want: ["put pod/ns/a d1"],
  },
  {
    when: "an acked object was recreated",
    before: [["acked", [A1]]],
    refs: [B4],
    want: [`del ${oldUid("A")} d1`],
    then: ["put pod/ns/a d4"],
  },
  {
    when: "a wanted object was recreated before it was sent",
    before: [["wanted", [A1]]],
    refs: [B4],
    want: ["put pod/ns/a d4"],
  },
  {
    when: "a sent object was recreated",
    before: [["sent", [A1]]],
    refs: [B4],
    want: [`del ${oldUid("A")} d1`],
    then: ["put pod/ns/a d4"],
  },
  {
    when: "an acked object was recreated twice, the middle one never sent",
    before: [
      ["acked", [A1]],
      ["wanted", [B4]],
    ],
    refs: [C5],
    want: [`del ${oldUid("A")} d1`],
    then: ["put pod/ns/a d5"],
  },
  {
    when: "an acked object was recreated and is gone",
    before: [
      ["acked", [A1]],
      ["wanted", [B4]],
    ],
    refs: [],
    want: [`del ${oldUid("A")} d1`],
  },
  {
    when: "an acked object is gone, then recreated, before the del was sent",
    before: [
      ["acked", [A1]],
      ["wanted", []],
    ],
    refs: [B4],
    want: [`del ${oldUid("A")} d1`],
    then: ["put pod/ns/a d4"],
  },
  {
    when: "a sent object is gone, then recreated, after its del was sent",
    before: [
      ["sent", [A1]],
      ["sent", []],
    ],
    refs: [B4],
    want: [`del ${oldUid("A")} d1`],
    then: ["put pod/ns/a d4"],
  },
  {
    when: "a stale view brought the old uid back",
    before: [
      ["acked", [A1]],
      ["wanted", [B4]],
    ],
    refs: [A1],
    want: ["put pod/ns/a d1"],
  },
  {
    when: "one of two acked objects changed",
    before: [["acked", [A1, other]]],
    refs: [A3, other],
    want: ["put pod/ns/a d3"],
  },
];

const node = (): string => `n-${randomUUID()}`;

async function prepare(name: string, steps: readonly Step[]): Promise<void> {
  for (const [state, refs] of steps) {
    await delivery.outbox.sync(name, "workload", refs, 1);
    if (state === "acked") await drain(delivery.mailbox, name);
    if (state === "sent") await (await openSession(delivery.mailbox, name)).take();
  }
}

describe("sync", () => {
  it.each(cases)("wants $want when $when", async ({ before, refs, want, then }) => {
    const name = node();
    await prepare(name, before);
    await delivery.outbox.sync(name, "workload", refs, 1);
    const session = await openSession(delivery.mailbox, name);
    const first = await session.take();
    expect(first.map(told)).toEqual(want);
    await session.ack(...first);
    const second = await session.take();
    expect(second.map(told)).toEqual(then ?? []);
    await session.ack(...second);
    expect(await session.take()).toEqual([]);
    expect(await delivery.outbox.sync(name, "workload", refs, 1)).toMatchObject({ puts: 0, dels: 0 });
  });

  it.each(cases)("writes nothing when it is called again after $when", async ({ before, refs }) => {
    const name = node();
    await prepare(name, before);
    await delivery.outbox.sync(name, "workload", refs, 1);
    const dump = await snapshot(name);
    expect(await delivery.outbox.sync(name, "workload", refs, 1)).toMatchObject({ puts: 0, dels: 0 });
    expect(await snapshot(name)).toEqual(dump);
  });

  it("leaves other scopes alone", async () => {
    const name = node();
    const device: Ref = { ...ref("d"), kind: "device" };
    await delivery.outbox.sync(name, "device", [device], 1);
    await drain(delivery.mailbox, name);
    await delivery.outbox.sync(name, "workload", [A1], 1);
    const session = await openSession(delivery.mailbox, name);
    expect((await session.take()).map((w) => w.field)).toEqual(["workload:pod/ns/a"]);
  });

  it("keeps the place in the queue of an object that changes all the time", async () => {
    const name = node();
    await delivery.outbox.sync(name, "workload", [A1], 1);
    await delivery.outbox.sync(name, "workload", [A1, other], 1);
    await delivery.outbox.sync(name, "workload", [A2, other], 1);
    const session = await openSession(delivery.mailbox, name);
    expect((await session.take()).map(told)).toEqual(["put pod/ns/a d2", "put pod/ns/o d1"]);
  });

  it("refuses a lower term than the highest seen, and writes nothing then", async () => {
    const name = node();
    await delivery.outbox.sync(name, "workload", [A2], 7);
    const dump = await snapshot(name);
    await expect(delivery.outbox.sync(name, "workload", [A1], 6)).rejects.toMatchObject({
      code: "STALE_TERM",
      retryable: false,
    });
    expect(await snapshot(name)).toEqual(dump);
    await expect(delivery.outbox.forget(name, 6)).rejects.toMatchObject({ code: "STALE_TERM" });
    await delivery.outbox.sync(name, "workload", [A1], 7);
  });

  it("remembers the term of a sync that changed nothing else", async () => {
    const name = node();
    await delivery.outbox.sync(name, "workload", [A1], 1);
    await delivery.outbox.sync(name, "workload", [A1], 2);
    await expect(delivery.outbox.sync(name, "workload", [], 1)).rejects.toMatchObject({ code: "STALE_TERM" });
  });

  it("refuses more references than the limit", async () => {
    const many = Array.from({ length: 5001 }, (_, i) => ref(`p${i}`));
    await expect(delivery.outbox.sync(node(), "workload", many, 1)).rejects.toMatchObject({ code: "LIMIT" });
    expect(await delivery.registry.metrics()).toContain('longshore_delivery_refused_total{code="LIMIT"} 1');
  });

  it("delivers 5,000 references of one node", async () => {
    const name = node();
    const many = Array.from({ length: 5000 }, (_, i) => ref(`p${i}`));
    expect(await delivery.outbox.sync(name, "workload", many, 1)).toMatchObject({ puts: 5000 });
    await drain(delivery.mailbox, name);
    expect(await delivery.outbox.sync(name, "workload", many, 1)).toMatchObject({ puts: 0, dels: 0 });
    expect(await delivery.outbox.sync(name, "workload", [], 1)).toMatchObject({ puts: 0, dels: 5000 });
  });

  it("wakes the owner when there is work, and nobody when nothing changed", async () => {
    const name = node();
    expect(await delivery.outbox.sync(name, "workload", [A1], 1)).toEqual({ puts: 1, dels: 0 });
    const session = await openSession(delivery.mailboxOf("hub-7"), name);
    delivery.waker.calls.length = 0;
    expect(await delivery.outbox.sync(name, "workload", [A2], 1)).toEqual({
      puts: 1,
      dels: 0,
      owner: "hub-7",
    });
    // the first wake may have been lost
    await delivery.outbox.sync(name, "workload", [A2], 1);
    await session.ack(...(await session.take()));
    await delivery.outbox.sync(name, "workload", [A2], 1);
    const wake = { kind: "wake", hub: "hub-7", node: name };
    expect(delivery.waker.calls).toEqual([wake, wake]);
  });

  it("keeps the mailbox of an offline node flat however much changes", async () => {
    const name = node();
    const objects = Array.from({ length: 20 }, (_, i) => `p${i}`);
    await delivery.outbox.sync(
      name,
      "workload",
      objects.map((o) => ref(o, o, "1")),
      1,
    );
    await drain(delivery.mailbox, name);
    const sizes: number[] = [];
    for (let round = 2; round < 400; round++) {
      // half of them change, half are recreated, and each round another object comes and goes
      const now = objects.map((o, i) => ref(o, i % 2 === 0 ? o : `${i}.${round}`, `${round}`));
      await delivery.outbox.sync(name, "workload", [...now, ref(`gone${round}`)], 1);
      sizes.push(await bytes(name));
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(6 * 1024);
    expect(sizes.at(-1)).toBeLessThanOrEqual((sizes[20] ?? 0) + 256);
    const session = await openSession(delivery.mailbox, name);
    const first = await session.take();
    await session.ack(...first);
    const second = await session.take();
    expect([...first, ...second].filter((w) => w.op === "put")).toHaveLength(21);
    expect([...first, ...second].filter((w) => w.op === "del")).toHaveLength(10);
  });

  it("stays compact: at most 300 bytes an object", async () => {
    const name = node();
    const refs = Array.from({ length: 20 }, (_, i) =>
      ref(`web-6f9c7d8b5-${i}`, `${i}`, "1234567", "x".repeat(22)),
    );
    await delivery.outbox.sync(name, "workload", refs, 1);
    await drain(delivery.mailbox, name);
    await delivery.outbox.sync(
      name,
      "workload",
      refs.map((r) => ({ ...r, digest: "y".repeat(22) })),
      1,
    );
    expect(await bytes(name)).toBeLessThanOrEqual(300 * 20);
    expect(await delivery.redis.object("ENCODING", key(name, "want"))).toBe("listpack");
  });
});

describe("forget", () => {
  it("removes every key of a node and the node from the known ones", async () => {
    const name = node();
    await delivery.outbox.sync(name, "workload", [A1], 1);
    await drain(delivery.mailbox, name);
    expect(await known()).toContain(name);
    await delivery.outbox.forget(name, 1);
    expect(await known()).not.toContain(name);
    expect(await delivery.redis.keys(`${delivery.prefix}:{${name}}:*`)).toEqual([]);
    await delivery.outbox.forget(name, 1);
  });

  it("ends the session of a node that was placed, so that it registers anew", async () => {
    const name = node();
    await delivery.outbox.sync(name, "workload", [A1], 1);
    const session = await openSession(delivery.mailbox, name);
    delivery.waker.calls.length = 0;
    await delivery.outbox.forget(name, 1);
    expect(delivery.waker.calls).toEqual([{ kind: "evict", hub: "hub-0", node: name }]);
    await expect(session.take()).rejects.toMatchObject({ code: "NOT_OWNER" });
  });

  it("leaves the session of an edge that has not registered its Node yet", async () => {
    const name = node();
    const session = await openSession(delivery.mailbox, name);
    await delivery.outbox.forget(name, 1);
    expect((await session.batch()).placementPending).toBe(true);
  });
});

const key = (name: string, part: string): string => `${delivery.prefix}:{${name}}:${part}`;

async function snapshot(name: string): Promise<unknown> {
  const parts = ["want", "acked", "meta"].map((part) => delivery.redis.hgetallBuffer(key(name, part)));
  return JSON.stringify(await Promise.all(parts));
}

async function bytes(name: string): Promise<number> {
  const sizes = ["want", "acked", "meta", "owner"].map((part) =>
    delivery.redis.memory("USAGE", key(name, part)),
  );
  return (await Promise.all(sizes)).reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

async function known(): Promise<string[]> {
  const nodes: string[] = [];
  for await (const name of delivery.outbox.knownNodes()) nodes.push(name);
  return nodes;
}
