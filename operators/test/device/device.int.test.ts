// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { apiVersionOf } from "../../src/runtime/index.ts";
import { NEW_EDGE } from "../delivery/fixture.ts";
import { uplinkBench } from "../hub/uplink/bench.ts";
import { eventually } from "../runtime/eventually.ts";
import { NODES } from "../runtime/kinds.ts";
import { DEVICES, MODELS, named, startDeviceBench, STATUSES, type DeviceBench } from "./bench.ts";

let bench: DeviceBench;
let client: DeviceBench["client"];

beforeAll(async () => {
  bench = await startDeviceBench();
  ({ client } = bench);
}, 120_000);
afterAll(() => bench.close());

const namesOfStatuses = async (): Promise<string[]> =>
  (await client.list(STATUSES, { namespace: "ns" })).items.map(({ metadata }) => metadata.name);
const containing = (...names: string[]): unknown => expect.arrayContaining(names);
const ownerOf = async (name: string): Promise<unknown> =>
  (await bench.statusOf(name)).metadata.ownerReferences?.map(({ kind, uid, controller }) => ({
    ...{ kind, uid, controller },
  }));
describe("placement of devices", () => {
  it("A16 follows the node of a device, and a model stays as long as another device there uses it", async () => {
    await bench.createModel("m");
    await bench.createDevice("a", "edge-1", "m");
    await bench.createDevice("b", "edge-1", "m");
    await bench.createDevice("c", "cloud-1", "m");
    await bench.delivered("edge-1", ["put devicemodel/ns/m", "put device/ns/a", "put device/ns/b"]);

    await bench.patchDevice("a", { nodeName: "edge-2" });
    await bench.delivered("edge-1", ["del device/ns/a"]);
    await bench.delivered("edge-2", ["put devicemodel/ns/m", "put device/ns/a"]);

    await client.patch(MODELS, named("m"), {
      type: "merge",
      body: { spec: { properties: [{ name: "temperature", type: "INT", accessMode: "ReadOnly" }] } },
    });
    await bench.delivered("edge-1", ["put devicemodel/ns/m"]);
    await bench.delivered("edge-2", ["put devicemodel/ns/m"]);

    await client.delete(DEVICES, named("b"));
    await bench.delivered("edge-1", ["del device/ns/b", "del devicemodel/ns/m"]);

    await bench.patchDevice("a", { properties: [{ name: "temperature", desired: { value: "30" } }] });
    await bench.delivered("edge-2", ["put device/ns/a"]);
    await client.delete(DEVICES, named("a"));
    await bench.delivered("edge-2", ["del device/ns/a", "del devicemodel/ns/m"]);
  }, 60_000);

  it("sends nothing again for what is written into a device's status, or when the controllers start anew", async () => {
    await bench.createModel("quiet");
    await bench.createDevice("quiet", "edge-1", "quiet");
    await bench.delivered("edge-1", ["put devicemodel/ns/quiet", "put device/ns/quiet"]);
    await client.patch(DEVICES, named("quiet"), { type: "merge", body: { status: { reportCycle: 7 } } });
    await bench.stop();
    bench.start();
    // What does arrive proves that all before it was looked at.
    await bench.createDevice("marker", "edge-1", "quiet");
    await bench.delivered("edge-1", ["put device/ns/marker"]);
    for (const name of ["quiet", "marker"]) await client.delete(DEVICES, named(name));
    await bench.delivered("edge-1", [
      "del device/ns/quiet",
      "del device/ns/marker",
      "del devicemodel/ns/quiet",
    ]);
  }, 60_000);

  it("holds nothing of either scope for a Node that is gone, and all of both for one that is back", async () => {
    const edge = { metadata: { name: "edge-3", labels: { "node-role.kubernetes.io/edge": "" } } };
    await client.create(NODES, edge);
    await bench.createDevice("gone", "edge-3", "none");
    await bench.delivered("edge-3", ["put device/ns/gone"]);
    await client.delete(NODES, { name: "edge-3" });
    await eventually(async () => {
      const fence = await bench.hub.mailbox.fence("edge-3", randomUUID(), NEW_EDGE);
      const { total } = await bench.hub.mailbox.take("edge-3", fence.owner, 9, new Set());
      expect([fence.ackedCount, total]).toEqual([0, 0]);
    });
    await client.create(NODES, edge);
    await bench.delivered("edge-3", ["put device/ns/gone"]);
  }, 60_000);
});

describe("the DeviceStatus", () => {
  it("A13 is made with each Device, owned by it, and made again when somebody deletes it", async () => {
    const { metadata } = await bench.createDevice("s", "edge-1", "m");
    const owner = [{ kind: "Device", uid: metadata.uid, controller: true }];
    await eventually(async () => expect(await ownerOf("s")).toEqual(owner));
    const first = await bench.statusOf("s");
    await client.delete(STATUSES, named("s"));
    await eventually(async () => {
      const again = await bench.statusOf("s");
      expect(again.metadata.uid).not.toBe(first.metadata.uid);
      expect(again.metadata.ownerReferences?.[0]?.uid).toBe(metadata.uid);
    });
  }, 60_000);

  it("of an older device of that name makes way for that of the new one", async () => {
    const before = await bench.createDevice("again", "edge-1", "m");
    await eventually(async () => expect((await bench.statusOf("again")).metadata.uid).toBeDefined());
    await client.patch(STATUSES, named("again"), { type: "merge", body: { status: { state: "online" } } });
    await client.delete(DEVICES, named("again"));
    // no garbage collector runs here
    const after = await bench.createDevice("again", "edge-1", "m");
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    await eventually(async () => {
      expect(await ownerOf("again")).toMatchObject([{ uid: after.metadata.uid }]);
      expect((await bench.statusOf("again")).status?.state).toBeUndefined();
    });
  }, 60_000);

  // No garbage collector runs here: who removes it is the controller.
  it("A13 goes with its Device", async () => {
    await bench.createDevice("goes", "edge-1", "m");
    await eventually(async () => expect((await bench.statusOf("goes")).metadata.uid).toBeDefined());
    await client.delete(DEVICES, named("goes"));
    await eventually(async () => expect(await namesOfStatuses()).not.toContain("goes"));
  }, 60_000);

  it("A13 goes when the Device was deleted while no controller ran, and stays where no Device controls it", async () => {
    for (const name of ["missed", "again-missed"]) await bench.createDevice(name, "edge-1", "m");
    await eventually(async () =>
      expect(await namesOfStatuses()).toEqual(containing("missed", "again-missed")),
    );
    await bench.stop();
    for (const name of ["missed", "again-missed"]) await client.delete(DEVICES, named(name));
    const { metadata } = await bench.createDevice("again-missed", "edge-1", "m");
    const site = { apiVersion: "v1", kind: "ConfigMap", name: "site", uid: randomUUID(), controller: true };
    await client.create(STATUSES, { metadata: { ...named("site"), ownerReferences: [site] }, spec: {} });
    await client.create(STATUSES, { metadata: named("nobodys"), spec: {} });
    // What comes last proves that all before it was looked at.
    const late = {
      apiVersion: apiVersionOf(DEVICES),
      kind: "Device",
      name: "zz",
      uid: randomUUID(),
      controller: true,
    };
    await client.create(STATUSES, { metadata: { ...named("zz"), ownerReferences: [late] }, spec: {} });
    bench.start();
    await eventually(async () => {
      const names = await namesOfStatuses();
      for (const name of ["missed", "zz"]) expect(names).not.toContain(name);
      expect(await ownerOf("again-missed")).toMatchObject([{ uid: metadata.uid }]);
    });
    expect(await namesOfStatuses()).toEqual(containing("site", "nobodys"));
  }, 60_000);

  it("that a report makes for a Device that has just gone is removed, too", async () => {
    const owner = { apiVersion: apiVersionOf(DEVICES), kind: "Device", name: "late", uid: randomUUID() };
    const ownerReferences = [{ ...owner, controller: true }];
    const made = await client.create(STATUSES, { metadata: { ...named("late"), ownerReferences }, spec: {} });
    expect(made.metadata.uid).toBeDefined();
    await eventually(async () => expect(await namesOfStatuses()).not.toContain("late"));
  }, 60_000);

  it("made by hand is adopted with what it says", async () => {
    await client.create(STATUSES, { metadata: named("hand"), spec: {}, status: { extensions: { a: 1 } } });
    const { metadata } = await bench.createDevice("hand", "edge-1", "m");
    await eventually(async () => expect(await ownerOf("hand")).toMatchObject([{ uid: metadata.uid }]));
    expect(await bench.statusOf("hand")).toMatchObject({ status: { extensions: { a: 1 } } });
  }, 60_000);
});

describe("what a device reports", () => {
  const twin = (values: Record<string, string>, timestamp: number): object => ({
    event_id: "e",
    timestamp,
    twin: Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        {
          actual: { value, metadata: { timestamp } },
          expected: { value: "30", metadata: { timestamp } },
          metadata: { type: "int" },
        },
      ]),
    ),
  });
  let uplink: ReturnType<typeof uplinkBench>;
  beforeEach(() => {
    uplink = uplinkBench({ node: "edge-1", api: client });
  });
  afterEach(() => uplink.ended.abort());

  /** @returns operation of the answer */
  async function tell(name: string, suffix: string, content: unknown): Promise<string | undefined> {
    const frame = uplink.frame("update", `device/ns/${name}/${suffix}`, content);
    await uplink.handle(frame);
    const answer = () => uplink.sent.find(({ header }) => header.parent_msg_id === frame.header.msg_id);
    await eventually(() => expect(answer()).toBeDefined());
    return answer()?.route.operation;
  }
  const values = async (name: string): Promise<unknown> =>
    Object.fromEntries(
      ((await bench.statusOf(name)).status?.twins ?? []).map((t) => [t.propertyName, t.reported?.value]),
    );

  it("is in its DeviceStatus, from the first value of a property on", async () => {
    await bench.createDevice("t", "edge-1", "m");
    expect(await tell("t", "twin/edge_updated", twin({ temperature: "23" }, 1_000))).toBe("response");
    expect((await bench.statusOf("t")).status?.twins).toEqual([
      {
        propertyName: "temperature",
        reported: { value: "23", metadata: { timestamp: "1000", type: "int" } },
        observedDesired: { value: "30", metadata: { timestamp: "1000", type: "int" } },
      },
    ]);
    await tell("t", "twin/edge_updated", twin({ humidity: "40" }, 1_001));
    const state = { name: "t", state: "online", lastOnlineTime: "2026-01-01T00:00:00Z" };
    await tell("t", "state/update", JSON.stringify({ event_id: "e", device: state }));
    await tell("t", "twin/edge_updated", twin({ temperature: "22" }, 999));
    expect(await values("t")).toEqual({ temperature: "23", humidity: "40" });
    expect((await bench.statusOf("t")).status).toMatchObject({
      ...{ state: "online", lastOnlineTime: "2026-01-01T00:00:00Z" },
    });
  }, 60_000);

  it("keeps the owner of the DeviceStatus when the report comes before the controller", async () => {
    await bench.stop();
    const { metadata } = await bench.createDevice("early", "edge-1", "m");
    await tell("early", "twin/edge_updated", twin({ temperature: "1" }, 1));
    bench.start();
    expect(await ownerOf("early")).toEqual([{ kind: "Device", uid: metadata.uid, controller: true }]);
    await eventually(async () => expect(await bench.condition("early", "ModelResolved")).toBeDefined());
    expect(await values("early")).toEqual({ temperature: "1" });
  }, 60_000);

  it("is merged with what another wrote into the DeviceStatus meanwhile", async () => {
    await bench.createDevice("both", "edge-1", "m");
    await tell("both", "twin/edge_updated", twin({ temperature: "1" }, 1));
    const { status } = await bench.statusOf("both");
    const twins = [...(status?.twins ?? []), { propertyName: "humidity", reported: { value: "40" } }];
    await client.patch(STATUSES, named("both"), { type: "merge", body: { status: { twins } } });
    expect(await tell("both", "twin/edge_updated", twin({ temperature: "2" }, 2))).toBe("response");
    expect(await values("both")).toEqual({ temperature: "2", humidity: "40" });
  }, 60_000);

  it("is refused from a node that the device has left", async () => {
    await bench.createDevice("moves", "edge-1", "m");
    await tell("moves", "twin/edge_updated", twin({ temperature: "1" }, 1));
    await bench.patchDevice("moves", { nodeName: "edge-2" });
    // a session that begins after the move: one that knew the device may write for another 10 s
    uplink = uplinkBench({ node: "edge-1", api: client });
    expect(await tell("moves", "twin/edge_updated", twin({ temperature: "9" }, 9))).toBe("error");
    expect(await uplink.rejects()).toEqual({ FORBIDDEN: 1 });
    uplink = uplinkBench({ node: "edge-2", api: client });
    expect(await tell("moves", "twin/edge_updated", twin({ temperature: "2" }, 2))).toBe("response");
    expect(await values("moves")).toEqual({ temperature: "2" });
  }, 60_000);
});
