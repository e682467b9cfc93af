// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { Ref } from "../../src/delivery/outbox.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { drain, openDelivery, openSession, ref, uid, type Delivery } from "./fixture.ts";

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
beforeEach(() => delivery.redis.flushall());

const place = (...refs: Ref[]) => delivery.outbox.sync(NODE, "workload", refs, 1);
const standing = (...refs: Ref[]) => delivery.outbox.standing(NODE, "workload", refs);
const of = async (object: Ref) => (await standing(object)).objects[0];
const ackedAs = (id: string, resourceVersion: string) => ({
  ...{ uid: uid(id), resourceVersion, digest: `d${resourceVersion}` },
});

describe("what a node has of an object", () => {
  it("is nothing that proves anything where nobody placed", async () => {
    expect(await standing(ref("a"))).toEqual({
      ...{ isConnected: false, isEstablished: false },
      objects: [{ isPending: false }],
    });
  });

  it("is pending until it is acked, and again when it changes or goes", async () => {
    await place(ref("a"));
    expect(await of(ref("a"))).toEqual({ isPending: true });
    await drain(delivery.mailbox, NODE);
    expect(await of(ref("a"))).toEqual({ isPending: false, acked: ackedAs("a", "1") });
    await place(ref("a", "a", "2"));
    expect(await of(ref("a"))).toEqual({ isPending: true, acked: ackedAs("a", "1") });
    await drain(delivery.mailbox, NODE);
    await place();
    expect(await of(ref("a"))).toEqual({ isPending: true, acked: ackedAs("a", "2") });
    await drain(delivery.mailbox, NODE);
    expect(await standing(ref("a"))).toMatchObject({ isEstablished: true, objects: [{ isPending: false }] });
    expect((await of(ref("a")))?.acked).toBeUndefined();
  });

  it("tells the object of another uid by its uid, and its pending deletion", async () => {
    await place(ref("a", "old"));
    await drain(delivery.mailbox, NODE);
    await place(ref("a", "new", "2"));
    expect(await of(ref("a", "old"))).toEqual({ isPending: true, acked: ackedAs("old", "1") });
    await drain(delivery.mailbox, NODE);
    expect(await of(ref("a", "old"))).toEqual({ isPending: false, acked: ackedAs("new", "2") });
  });

  it("is told in the order asked for, of many at once", async () => {
    await place(ref("a"), ref("c"));
    await drain(delivery.mailbox, NODE);
    const { objects } = await standing(ref("c"), ref("b"), ref("a"));
    expect(objects.map(({ acked }) => acked?.uid)).toEqual([uid("c"), undefined, uid("a")]);
  });
});

describe("whether a node is connected", () => {
  it("is what a hub that lives says, not one that died with the session", async () => {
    const session = await openSession(delivery.mailbox, NODE);
    expect((await standing()).isConnected).toBe(false);
    await delivery.redis.set(`${delivery.prefix}:hub:hub-0`, "1");
    expect((await standing()).isConnected).toBe(true);
    await delivery.mailbox.release(NODE, session.owner);
    expect((await standing()).isConnected).toBe(false);
  });
});

describe("what a node has of some kinds", () => {
  it("is told by name, wanted or acked, of one scope alone", async () => {
    const kinds = new Set(["configmap", "secret"]);
    const names = () => delivery.mailbox.names(NODE, "workload", kinds);
    expect(await names()).toEqual([]);
    await place({ ...ref("a"), kind: "configmap" }, { ...ref("b"), kind: "secret" }, ref("c"));
    expect([...(await names())].sort()).toEqual(["a", "b"]);
    await drain(delivery.mailbox, NODE);
    await place({ ...ref("a"), kind: "configmap" });
    expect([...(await names())].sort()).toEqual(["a", "b"]); // its delete is on its way
    await drain(delivery.mailbox, NODE);
    expect(await names()).toEqual(["a"]);
    expect(await delivery.mailbox.names(NODE, "job", kinds)).toEqual([]);
  });
});
