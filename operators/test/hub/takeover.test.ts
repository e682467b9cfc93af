// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import type { Edge } from "./support/edge.ts";
import { gen } from "./support/fake-client.ts";
import { MemoryMailbox } from "./support/memory-mailbox.ts";
import { createRig, eventually, type Rig } from "./support/rig.ts";

const rigs: Rig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});
const newRig = async (...args: Parameters<typeof createRig>): Promise<Rig> => {
  const rig = await createRig(...args);
  rigs.push(rig);
  return rig;
};

describe("takeover of a session", () => {
  it("R18 closes the older session 4409 within 100 ms and serves the newer", async () => {
    const rig = await newRig();
    const tookMs: number[] = [];
    for (let round = 0; round < 5; round++) {
      const older = await rig.ours("n1");
      const next = await rig.edge("n1", { negotiate: true });
      await next.opened;
      const startMs = performance.now();
      expect(await older.closed).toEqual({ code: 4409, reason: "superseded by a newer session" });
      tookMs.push(performance.now() - startMs);
    }
    expect(Math.min(...tookMs)).toBeLessThan(100); // the machine does other things too
    const newer = await rig.ours("n1");
    rig.client.put("configmaps", gen.object("ConfigMap", "c", { namespace: "default" }));
    rig.mailbox.want("n1", { kind: "configmap", namespace: "default", name: "c" });
    newer.ack(await newer.push("default/configmap/c"));
    await eventually(() => rig.mailbox.box("n1").want.size === 0);
    expect(await rig.metric("longshore_hub_connected_nodes")).toBe(1);
    expect(await rig.metric("KubeEdge_CloudHub_connected_nodes")).toBe(1);
  });

  it("R18 moves a session to another hub within a second, which evicts the old one", async () => {
    const one = await newRig();
    const two = await newRig({ memory: new MemoryMailbox("hub-1", one.mailbox), api: one.client });
    const tookMs: number[] = [];
    let newer = await two.ours("n1");
    for (let round = 0; round < 5; round++) {
      const older = await one.ours("n1");
      newer = await two.ours("n1");
      const startMs = performance.now();
      expect((await older.closed).code).toBe(4409);
      tookMs.push(performance.now() - startMs);
    }
    expect(Math.min(...tookMs)).toBeLessThan(1_000);
    expect(newer.ws.readyState).toBe(newer.ws.OPEN);
    expect(one.mailbox.box("n1").owner?.hub).toBe("hub-1");
  });

  it.each([
    { what: "on one hub", hubs: 1 },
    { what: "across two hubs", hubs: 2 },
  ])(
    "R18 never lets a dying socket end its successor, at any of 1,000 random moments $what",
    async ({ hubs }) => {
      const options = { admissionPerSecond: 100_000, admissionBurst: 100_000 };
      const first = await newRig({ options });
      const second = new MemoryMailbox("hub-1", first.mailbox);
      const used =
        hubs === 1 ? [first] : [first, await newRig({ options, memory: second, api: first.client })];
      let seed = 42;
      const random = (below: number): number => {
        seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
        return Math.floor((seed / 2 ** 31) * below);
      };
      const turn = async (most: number): Promise<void> => {
        for (let turns = random(most); turns > 0; turns -= 1)
          await new Promise((resolve) => setImmediate(resolve));
      };
      const leave = [(edge?: Edge) => edge?.ws.terminate(), (edge?: Edge) => edge?.ws.close()];
      for (const { mailbox } of used) mailbox.beforeFence = () => turn(4);
      let last: Edge | undefined;
      for (let round = 0; round < 1_000; round += 1) {
        const edge = await used[random(hubs)]!.edge("n1", { negotiate: round % 2 === 0 });
        await edge.opened;
        if (round % 2 === 0) void edge.greet().catch(() => undefined);
        await turn(6);
        // The old socket goes before, while or after its successor comes: by itself, by a close, or not at all.
        leave[random(3)]?.(last);
        last = edge;
      }
      const sessions = (): number => used.reduce((sum, { hub }) => sum + hub.connectedSessions, 0);
      const ended = (): number =>
        used.flatMap(({ lines }) => lines).filter(({ message }) => message === "session ended").length;
      await eventually(() => first.mailbox.box("n1").owner !== undefined && sessions() === 1, "one session");
      await eventually(() => ended() === 999, "the end of the others");
      expect(last?.ws.readyState).toBe(last?.ws.OPEN);
      expect(sessions()).toBe(1);
    },
    180_000,
  );

  it("R18 in part: counts and tells once that several machines use one certificate, at the third fight in a minute", async () => {
    const rig = await newRig();
    const told = (): number => rig.lines.filter(({ level }) => level === "error").length;
    for (let i = 0; i < 3; i += 1) await rig.ours("n1");
    expect(told()).toBe(0);
    for (let i = 0; i < 3; i += 1) await rig.ours("n1");
    expect(told()).toBe(1);
    expect(await rig.metric("edge_reject_total", { reason: "node_conflict" })).toBe(1);
  });

  it("drops a session whose fence is gone when it takes or acknowledges", async () => {
    const rig = await newRig();
    const edge = await rig.ours("n1");
    await eventually(() => rig.mailbox.takes > 0);
    const box = rig.mailbox.box("n1");
    box.owner = { hub: "hub-0", connection: "somebody-else", sessionEpoch: 99 };
    rig.mailbox.wake("n1");
    expect((await edge.closed).code).toBe(4409);
    expect(box.owner.connection).toBe("somebody-else");
  });

  it("gives the fence up when the session ends, and drains with 4503 when the hub stops", async () => {
    const rig = await newRig();
    const [one, two] = [await rig.ours("n1"), await rig.ours("n2")];
    await one.close();
    await eventually(() => rig.mailbox.box("n1").owner === undefined);
    await rig.hub.stop();
    expect(await two.closed).toEqual({ code: 4503, reason: "draining retryAfter=1" });
    expect(rig.mailbox.box("n2").owner).toBeUndefined();
  });
});

describe("a replaced Redis", () => {
  it("R15 in part: makes every edge greet again, and takes the place of what is recorded by what it holds", async () => {
    const rig = await newRig();
    const edge = await rig.ours("n1");
    rig.mailbox.nodes.clear();
    await rig.hub.resync();
    expect((await edge.closed).code).toBe(4503);
    const again = await rig.edge("n1", { negotiate: true });
    await again.opened;
    expect(await again.greet([["pod/default/p", "u", "5", "d"]])).toMatchObject({ inventory: "send" });
    await eventually(() => rig.mailbox.box("n1").acked.size === 1);
    expect(again.pushes()).toEqual([]);
  });

  it("R15 in part: starts one round at a time, however often it is replaced, and one more for what came meanwhile", async () => {
    const rig = await newRig({ options: { drainMs: 200 } });
    const edges = [await rig.ours("n1"), await rig.ours("n2"), await rig.ours("n3")];
    await Promise.all(Array.from({ length: 5 }, () => rig.hub.resync()));
    expect(rig.lines.filter(({ message }) => message.includes("start over")).length).toBe(2);
    expect(await Promise.all(edges.map(async ({ closed }) => (await closed).code))).toEqual([
      4503, 4503, 4503,
    ]);
  });
});

describe("acknowledgements", () => {
  it("S32 counts 10,000 repeated acknowledgements and ignores them", async () => {
    const rig = await newRig({ options: { strayAcksPerMinute: 1_000_000 } });
    rig.client.put("configmaps", gen.object("ConfigMap", "c", { namespace: "default" }));
    const edge = await rig.ours("n1");
    rig.mailbox.want("n1", { kind: "configmap", namespace: "default", name: "c" });
    const push = await edge.push("default/configmap/c");
    const ids = Array.from({ length: 1_000 }, () => push.header.msg_id);
    for (let i = 0; i < 10; i += 1) edge.session("ack", { ids });
    await eventually(async () => (await rig.metric("longshore_hub_stray_acks_total")) === 9_999);
    expect(rig.mailbox.ackLog).toHaveLength(1);
    expect(edge.ws.readyState).toBe(edge.ws.OPEN);
  });

  it("B74 ignores acknowledgements of unknown ids, and closes 4429 after 1,000 in a minute", async () => {
    const rig = await newRig();
    const edge = await rig.ours("n1");
    edge.session("ack", { ids: ["x", 5, null] });
    edge.session("ack", { ids: Array.from({ length: 997 }, (_, i) => `id-${i}`) });
    expect((await edge.closed).code).toBe(4429);
    expect(rig.mailbox.ackLog).toEqual([]);
  });

  it("B74 ignores an acknowledgement that belongs to an older session", async () => {
    const rig = await newRig();
    rig.client.put("configmaps", gen.object("ConfigMap", "c", { namespace: "default" }));
    const older = await rig.ours("n1");
    rig.mailbox.want("n1", { kind: "configmap", namespace: "default", name: "c" });
    const push = await older.push("default/configmap/c");
    const newer = await rig.ours("n1");
    newer.ack(push);
    await eventually(async () => (await rig.metric("longshore_hub_stray_acks_total")) === 1);
    expect(rig.mailbox.ackLog).toEqual([]);
    expect(rig.mailbox.box("n1").want.size).toBe(1);
  });
});
