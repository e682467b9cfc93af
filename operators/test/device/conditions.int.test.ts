// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { KubeObject, Resource } from "../../src/runtime/index.ts";
import { eventually } from "../runtime/eventually.ts";
import { NODES } from "../runtime/kinds.ts";
import { DEVICES, EDGE, MODELS, named, startDeviceBench, STATUSES, type DeviceBench } from "./bench.ts";

const EVENTS = { group: "events.k8s.io", version: "v1", plural: "events", kind: "Event", namespaced: true };
let bench: DeviceBench;

beforeAll(async () => {
  bench = await startDeviceBench({ moveHoldMs: 2_000, pollMs: 300, settleMs: 1_500 });
  await bench.createModel("m");
}, 120_000);
afterAll(() => bench.close());

const ALL = { Accepted: "True Accepted", ModelResolved: "True ModelFound", Delivered: "True Acknowledged" };
const shows = (name: string, want: object): Promise<void> =>
  eventually(async () => expect(await bench.conditions(name)).toEqual(want));
const generationOf = async (name: string): Promise<number> =>
  (await bench.client.get(DEVICES, named(name))).metadata.generation ?? 0;
const stops: (() => Promise<void>)[] = [];
const serve = (...nodes: string[]): void => void stops.push(...nodes.map((node) => bench.serve(node)));
const end = async (): Promise<void> => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
};
afterEach(end);
const reconciles = (controller: string): Promise<number> =>
  bench.metric("controller_runtime_reconcile_total", { controller });

describe("Accepted", () => {
  it("B3 tells a missing model on the Device and in an event, and turns true when the model comes", async () => {
    await bench.createDevice("r", "edge-1", "late");
    const missing = { Accepted: "False ModelNotFound", ModelResolved: "False ModelNotFound" };
    await eventually(async () => expect(await bench.conditions("r")).toMatchObject(missing));
    await eventually(async () => {
      const { items } = await bench.client.list<KubeObject & { regarding?: object; reason?: string }>(
        EVENTS,
        {
          namespace: "ns",
        },
      );
      expect(items).toContainEqual(
        expect.objectContaining({
          reason: "ModelNotFound",
          regarding: expect.objectContaining({ kind: "Device", name: "r" }),
        }),
      );
    });
    await bench.createModel("late");
    const there = { Accepted: "True Accepted", ModelResolved: "True ModelFound" };
    await eventually(async () => expect(await bench.conditions("r")).toMatchObject(there));
    const settled = await generationOf("r");
    await bench.client.patch(MODELS, named("late"), {
      type: "merge",
      body: { metadata: { labels: { a: "b" } } },
    });
    await bench.client.delete(MODELS, named("late"));
    await eventually(async () => expect(await bench.conditions("r")).toMatchObject(missing));
    expect((await generationOf("r")) - settled).toBe(1);
  }, 60_000);

  it("follows an edited model, naming the first faults", async () => {
    await bench.createModel("edited");
    await bench.createDevice("follows", "edge-1", "edited");
    await eventually(async () =>
      expect((await bench.conditions("follows"))["Accepted"]).toBe("True Accepted"),
    );
    await bench.patchModel("edited", { properties: [{ name: "temperature", type: "INT", maximum: "10" }] });
    await eventually(async () =>
      expect(await bench.condition("follows", "Accepted")).toMatchObject({
        ...{ status: "False", reason: "PropertyInvalid" },
        message: 'spec.properties[0].desired.value: "20" is over the maximum 10',
      }),
    );
    await bench.patchModel("edited", { properties: [{ name: "temperature", type: "INT", maximum: "20" }] });
    await eventually(async () =>
      expect((await bench.conditions("follows"))["Accepted"]).toBe("True Accepted"),
    );
  }, 60_000);

  it("tells a node that is not there or not an edge node, and turns true when it comes", async () => {
    await bench.createDevice("nowhere", "edge-9", "m");
    await bench.createDevice("cloudy", "cloud-1", "m");
    await shows("nowhere", { ...ALL, Accepted: "False NodeNotFound", Delivered: "False Pending" });
    await shows("cloudy", { ...ALL, Accepted: "False NodeNotEdge", Delivered: "False Pending" });
    await bench.client.create(NODES, { metadata: { name: "edge-9", labels: EDGE } });
    await shows("nowhere", { ...ALL, Delivered: "False NodeOffline" });
    await bench.delivered("edge-9", ["put devicemodel/ns/m", "put device/ns/nowhere"]);
    await shows("nowhere", ALL);
    await bench.client.delete(NODES, { name: "edge-9" });
    await shows("nowhere", { ...ALL, Accepted: "False NodeNotFound", Delivered: "False Pending" });
  }, 60_000);
});

describe("Delivered", () => {
  it("tells that the node is away, that it has not answered, and that it has confirmed", async () => {
    await bench.disconnect("edge-2");
    await bench.createDevice("slow", "edge-2", "m");
    await shows("slow", { ...ALL, Delivered: "False NodeOffline" });
    await bench.hub.mailbox.fence("edge-2", "silent", { sessionEpoch: 0, clusterEpoch: 0 });
    await shows("slow", { ...ALL, Delivered: "False Pending" });
    await bench.deliver("edge-2");
    await shows("slow", ALL);
  }, 60_000);

  it("stays true when the node goes away, until there is something new for it", async () => {
    await bench.createDevice("kept", "edge-2", "m");
    await eventually(async () => {
      await bench.deliver("edge-2");
      expect(await bench.conditions("kept")).toEqual(ALL);
    });
    await bench.disconnect("edge-2");
    await bench.patchDevice("kept", { properties: [{ name: "temperature", desired: { value: "21" } }] });
    await shows("kept", { ...ALL, Delivered: "False NodeOffline" });
    await bench.deliver("edge-2");
    await shows("kept", ALL);
  }, 60_000);
});

describe("what it costs", () => {
  // An answer that comes late, as on a busy machine, would be a write of its own.
  const patient = { settleMs: 30_000 };
  beforeAll(async () => {
    await bench.stop();
    bench.start(patient);
  });
  afterAll(async () => {
    await bench.stop();
    bench.start();
  });
  // Devices of other tests that still wait for their node would be written about, too.
  beforeEach(async () => {
    const { items } = await bench.client.list(DEVICES, { namespace: "ns" });
    for (const { metadata } of items) await bench.client.delete(DEVICES, named(metadata.name));
    await eventually(async () => {
      expect((await bench.client.list(STATUSES, { namespace: "ns" })).items).toEqual([]);
    });
  });

  it("is one apply of the DeviceStatus and one of all conditions for a new Device, one for an edit or a move", async () => {
    serve("edge-1", "edge-2");
    await bench.createDevice("warm", "edge-1", "m");
    await shows("warm", ALL);
    bench.takeWrites();

    await bench.createDevice("cost", "edge-1", "m");
    await shows("cost", ALL);
    expect(bench.takeWrites()).toEqual(["apply DeviceStatus", "apply Device"]);

    await bench.patchDevice("cost", { properties: [{ name: "temperature", desired: { value: "7" } }] });
    await shows("cost", ALL);
    expect(bench.takeWrites()).toEqual(["apply Device"]);

    await bench.patchDevice("cost", { nodeName: "edge-2" });
    await shows("cost", ALL);
    expect(bench.takeWrites()).toEqual(["apply Device"]);

    await bench.patchModel("m", { properties: [{ name: "temperature", type: "INT", maximum: "50" }] });
    const before = await reconciles("devicestatus");
    await bench.createDevice("later", "edge-1", "none");
    await eventually(async () =>
      expect((await bench.conditions("later"))["Delivered"]).toBe("True Acknowledged"),
    );
    expect(await reconciles("devicestatus")).toBeGreaterThan(before);
    expect(bench.takeWrites().filter((write) => write.endsWith("Device"))).toEqual(["apply Device"]);

    await bench.client.delete(DEVICES, named("cost"));
    await eventually(() => expect(bench.takeWrites()).toEqual(["delete DeviceStatus"]));
  }, 60_000);

  it("is nothing when the controllers start anew", async () => {
    serve("edge-1");
    await bench.createDevice("anew", "edge-1", "m");
    await shows("anew", ALL);
    await bench.stop();
    bench.takeWrites();
    const { metadata } = await bench.client.get(DEVICES, named("anew"));
    bench.start(patient);
    await bench.createDevice("after", "edge-1", "m");
    await shows("after", ALL);
    const { metadata: now } = await bench.client.get(DEVICES, named("anew"));
    expect(now.resourceVersion).toBe(metadata.resourceVersion);
    // What is known of the other one is written once more when Redis was not connected yet.
    const writes = bench.takeWrites();
    expect(writes.slice(0, 2)).toEqual(["apply DeviceStatus", "apply Device"]);
    expect(["", "apply Device"]).toContain(writes.slice(2).join());
  }, 60_000);

  it("is nothing for a thousand reports: none wakes a controller of devices, and nothing is sent again", async () => {
    serve("edge-1");
    await bench.createDevice("reports", "edge-1", "m");
    await shows("reports", ALL);
    await end();
    const counts = () => Promise.all(["device", "devicestatus", "device-moves"].map(reconciles));
    const before = await counts();
    bench.takeWrites();
    for (let i = 0; i < 1_000; i++) {
      const twins = [{ propertyName: "temperature", reported: { value: String(i) } }];
      await bench.client.patch(STATUSES, named("reports"), { type: "merge", body: { status: { twins } } });
    }
    // Who owns it is looked at, and proves that all before was seen: one reconcile.
    const { metadata } = await bench.statusOf("reports");
    const ownerReferences = [
      ...(metadata.ownerReferences ?? []),
      { apiVersion: "v1", kind: "ConfigMap", name: "x", uid: "x" },
    ];
    await bench.client.patch(STATUSES, named("reports"), {
      type: "merge",
      body: { metadata: { ownerReferences } },
    });
    await eventually(async () => expect((await counts())[1]).toBe((before[1] ?? 0) + 1));
    expect(await counts()).toEqual([before[0], (before[1] ?? 0) + 1, before[2]]);
    expect(bench.takeWrites()).toEqual([]);
    expect(await bench.deliver("edge-1")).toEqual([]);
  }, 120_000);
});

describe("columns", () => {
  it("tell of a device its node, model, protocol, and whether it was accepted and delivered", async () => {
    serve("edge-1");
    await bench.createDevice("shown", "edge-1", "m");
    await shows("shown", ALL);
    const age = expect.stringMatching(/^\d+s$/) as unknown;
    expect(await bench.columnsOf("device", "shown")).toEqual({
      ...{
        NAME: "shown",
        NODE: "edge-1",
        MODEL: "m",
        PROTOCOL: "modbus",
        ACCEPTED: "True",
        DELIVERED: "True",
      },
      ...{ REASON: "Accepted", DELIVERY: "Acknowledged", "MODEL RESOLVED": "True", AGE: age },
    });
  }, 60_000);

  it("tell of its status where it is, how it is and why, and when it was heard of", async () => {
    await eventually(async () => expect(await bench.statusOf("shown")).toBeDefined());
    const status = {
      ...{ nodeName: "edge-1", protocol: "modbus", state: "offline", reason: "MapperMissing", mapper: "plc" },
      lastOnlineTime: new Date().toISOString(),
      twins: [{ propertyName: "temperature", reported: { value: "23" } }],
    };
    await bench.client.patch(STATUSES, named("shown"), { type: "merge", body: { status } });
    const age = expect.stringMatching(/^\d+s$/) as unknown;
    expect(await bench.columnsOf("devicestatus", "shown")).toEqual({
      ...{ NAME: "shown", NODE: "edge-1", PROTOCOL: "modbus", STATE: "offline", REASON: "MapperMissing" },
      ...{ "LAST SEEN": age, MAPPER: "plc", PROPERTY: "temperature", REPORTED: "23", AGE: age },
    });
  }, 60_000);
});

describe("a Device of v1alpha2", () => {
  const OLD: Resource = { ...DEVICES, version: "v1alpha2" };

  it("is on no node, its model is found, and its spec stays as the API server took it", async () => {
    const nodeSelectorTerms = [{ matchExpressions: [{ key: "", operator: "In", values: ["edge-1"] }] }];
    const made = await bench.client.create<WithSpec>(OLD, {
      metadata: named("old") as KubeObject["metadata"],
      spec: { deviceModelRef: { name: "m" }, nodeSelector: { nodeSelectorTerms } },
    });
    await shows("old", { ...ALL, Accepted: "False NodeNotFound", Delivered: "False Pending" });
    expect((await bench.client.get<WithSpec>(OLD, named("old"))).spec).toEqual(made.spec);
    expect(await bench.columnsOf("devices.v1alpha2.devices.kubeedge.io", "old")).toMatchObject({
      ...{ MODEL: "m", "MODEL RESOLVED": "True", REASON: "ModelFound" },
    });
  }, 60_000);
});

interface WithSpec extends KubeObject {
  readonly spec: object;
}
