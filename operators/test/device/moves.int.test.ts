// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../runtime/eventually.ts";
import { NODES } from "../runtime/kinds.ts";
import { DEVICES, EDGE, named, startDeviceBench, type DeviceBench } from "./bench.ts";

/** Long enough that no test takes it for a confirmation. */
const HOLD_MS = 3_000;
let bench: DeviceBench;

beforeAll(async () => {
  bench = await startDeviceBench({ moveHoldMs: HOLD_MS });
  await bench.createModel("m");
}, 120_000);
afterAll(() => bench.close());

const ends = async (): Promise<Record<string, number>> => {
  const of = (end: string) => bench.metric("longshore_device_moves_total", { end });
  const [confirmed, gone, timeout] = await Promise.all([of("confirmed"), of("node_gone"), of("timeout")]);
  return { confirmed, gone, timeout };
};
/** @returns milliseconds until the first thing came to the node */
async function firstOn(node: string, want: readonly string[]): Promise<number> {
  const sinceMs = Date.now();
  await eventually(async () => expect((await bench.deliver(node)).sort()).toEqual([...want].sort()));
  return Date.now() - sinceMs;
}
/** A device that edge-1 holds, alone with its model. */
async function held(name: string): Promise<void> {
  await bench.createDevice(name, "edge-1", "m");
  await bench.delivered("edge-1", ["put devicemodel/ns/m", `put device/ns/${name}`]);
}
async function gone(name: string, node: string): Promise<void> {
  await bench.client.delete(DEVICES, named(name));
  await bench.delivered(node, [`del device/ns/${name}`, "del devicemodel/ns/m"]);
}

describe("A16 a device whose spec.nodeName changes", () => {
  it("is on the new node only after the old one has confirmed its removal, the model before it", async () => {
    await held("a");
    await bench.patchDevice("a", { nodeName: "edge-2" });
    // The removal is wanted of the old node; as long as it is not confirmed, nothing comes to the new one.
    await eventually(async () => {
      const { owner } = await bench.hub.mailbox.fence("edge-1", "looks", {
        sessionEpoch: 0,
        clusterEpoch: 0,
      });
      const { wants } = await bench.hub.mailbox.take("edge-1", owner, 9, new Set());
      expect(wants.map((w) => `${w.op} ${w.name}`).sort()).toEqual(["del a", "del m"]);
    });
    expect(await bench.deliver("edge-2")).toEqual([]);
    expect(await bench.metric("longshore_device_moves_total")).toBe(0);
    await bench.delivered("edge-1", ["del device/ns/a", "del devicemodel/ns/m"]);
    expect(await bench.delivered("edge-2", ["put devicemodel/ns/m", "put device/ns/a"])).toEqual([
      ...["put devicemodel/ns/m", "put device/ns/a"],
    ]);
    expect(await ends()).toEqual({ confirmed: 1, gone: 0, timeout: 0 });
    await gone("a", "edge-2");
  }, 60_000);

  it("does not wait longer than the given time for a node that is away", async () => {
    await held("b");
    await bench.disconnect("edge-1");
    await bench.patchDevice("b", { nodeName: "edge-2" });
    const tookMs = await firstOn("edge-2", ["put devicemodel/ns/m", "put device/ns/b"]);
    expect(tookMs).toBeGreaterThan(HOLD_MS - 500);
    expect(tookMs).toBeLessThan(HOLD_MS + 2_000);
    expect((await ends())["timeout"]).toBe(1);
    // and the old one drops it when it is back
    await bench.delivered("edge-1", ["del device/ns/b", "del devicemodel/ns/m"]);
    await gone("b", "edge-2");
  }, 60_000);

  it("does not wait for a Node that is gone", async () => {
    await bench.client.create(NODES, { metadata: { name: "edge-3", labels: EDGE } });
    await bench.createDevice("c", "edge-3", "m");
    await bench.delivered("edge-3", ["put devicemodel/ns/m", "put device/ns/c"]);
    await bench.disconnect("edge-3");
    await bench.patchDevice("c", { nodeName: "edge-2" });
    await bench.client.delete(NODES, { name: "edge-3" });
    expect(await firstOn("edge-2", ["put devicemodel/ns/m", "put device/ns/c"])).toBeLessThan(HOLD_MS - 500);
    await gone("c", "edge-2");
  }, 60_000);

  it("stays where it is when it is moved back before the old node let go of it", async () => {
    await held("d");
    await bench.patchDevice("d", { nodeName: "edge-2" });
    await bench.patchDevice("d", { nodeName: "edge-1" });
    await bench.createDevice("marker", "edge-2", "none");
    await bench.delivered("edge-2", ["put device/ns/marker"]);
    const { objects } = await eventuallySettled("d");
    expect(objects[0]).toMatchObject({ isPending: false });
    await bench.client.delete(DEVICES, named("marker"));
    await bench.delivered("edge-2", ["del device/ns/marker"]);
    await gone("d", "edge-1");
  }, 60_000);

  it("goes to its new node at once when the controllers start anew meanwhile", async () => {
    await held("e");
    await bench.disconnect("edge-1");
    await bench.patchDevice("e", { nodeName: "edge-2" });
    await bench.stop();
    bench.start();
    await bench.delivered("edge-2", ["put devicemodel/ns/m", "put device/ns/e"]);
    expect(await ends()).toEqual({ confirmed: 0, gone: 0, timeout: 0 });
    await bench.delivered("edge-1", ["del device/ns/e", "del devicemodel/ns/m"]);
    await gone("e", "edge-2");
  }, 60_000);

  it("moves with two hundred others, all confirmed and none by time", async () => {
    const names = Array.from({ length: 200 }, (_, i) => `many-${i}`);
    await Promise.all(names.map((name) => bench.createDevice(name, "edge-1", "m")));
    const stop = bench.serve("edge-1");
    await eventually(async () => {
      const { objects } = await bench.standing("edge-1", names);
      expect(objects.every(({ acked, isPending }) => acked !== undefined && !isPending)).toBe(true);
    });
    await Promise.all(names.map((name) => bench.patchDevice(name, { nodeName: "edge-2" })));
    const stopOther = bench.serve("edge-2");
    await eventually(async () => {
      const there = await bench.standing("edge-2", names);
      expect(there.objects.every(({ acked }) => acked !== undefined)).toBe(true);
    });
    expect((await ends())["timeout"]).toBe(0);
    await Promise.all([stop(), stopOther()]);
  }, 120_000);
});

async function eventuallySettled(name: string) {
  let last = await bench.standing("edge-1", [name]);
  await eventually(async () => {
    await bench.deliver("edge-1");
    last = await bench.standing("edge-1", [name]);
    expect(last.objects[0]?.acked).toBeDefined();
    expect(last.objects[0]?.isPending).toBe(false);
  });
  return last;
}
