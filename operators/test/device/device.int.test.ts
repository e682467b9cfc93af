// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { createControllerDelivery, createHubDelivery, type HubDelivery } from "../../src/delivery/index.ts";
import { selections } from "../../src/device/caches.ts";
import { setupDeviceController } from "../../src/device/index.ts";
import {
  apiVersionOf,
  createClient,
  createManager,
  loadKubeConfig,
  silentLog,
  type Condition,
  type KubeClient,
  type KubeObject,
} from "../../src/runtime/index.ts";
import { setupWorkloadController } from "../../src/workload/index.ts";
import { controlPlaneBin, startApiServer, type ApiServer } from "../apiserver.ts";
import { installCrds } from "../crds.ts";
import { NEW_EDGE, ackOf, silent } from "../delivery/fixture.ts";
import { uplinkBench } from "../hub/uplink/bench.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { eventually } from "../runtime/eventually.ts";
import { NAMESPACES, NODES } from "../runtime/kinds.ts";
import { device as deviceOf } from "./builders.ts";

const DEVICES = selections.device.resource;
const MODELS = selections.devicemodel.resource;
const STATUSES = selections.devicestatus.resource;
const EVENTS = { group: "events.k8s.io", version: "v1", plural: "events", kind: "Event", namespaced: true };
const prefix = `d${randomUUID()}`;
let api: ApiServer;
let redis: TestRedis;
let client: KubeClient;
let hub: HubDelivery;
let stop: () => Promise<void>;

beforeAll(async () => {
  [api, redis] = await Promise.all([startApiServer(), startRedis({ appendOnly: true })]);
  client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  hub = createHubDelivery({
    ...{ redis: { url: redis.url }, prefix, log: silent, registry: new Registry() },
    ...{ hub: "hub-0", scopes: ["workload", "device"] },
  });
  await hub.wakeups.start({ wake: () => undefined, evict: () => undefined });
  await installCrds(client);
  await client.create(NAMESPACES, { metadata: { name: "ns" } });
  for (const name of ["edge-1", "edge-2"])
    await client.create(NODES, { metadata: { name, labels: { "node-role.kubernetes.io/edge": "" } } });
  await client.create(NODES, { metadata: { name: "cloud-1" } });
  stop = startControllers();
}, 120_000);

afterAll(async () => {
  await stop();
  await hub.stop();
  await client.close();
  await Promise.all([api.stop(), redis.stop()]);
});

function startControllers(): () => Promise<void> {
  const registry = new Registry();
  const delivery = createControllerDelivery({ redis: { url: redis.url }, prefix, log: silent, registry });
  const manager = createManager({ client, registry, log: silentLog });
  for (const setup of [setupWorkloadController, setupDeviceController])
    setup(manager, { outbox: delivery.outbox, term: () => 1 });
  manager.add({ start: (signal) => delivery.run(signal) });
  const abort = new AbortController();
  const ended = manager.start(abort.signal);
  return async () => {
    abort.abort();
    await ended;
    await delivery.stop();
  };
}

/** Delivers all that is wanted of devices by now. @returns what it was, sorted */
async function deliver(node: string): Promise<string[]> {
  const { owner } = await hub.mailbox.fence(node, randomUUID(), NEW_EDGE);
  const { wants } = await hub.mailbox.take(node, owner, 100, new Set());
  await hub.mailbox.ack(node, owner, wants.map(ackOf));
  return wants.filter((w) => w.scope === "device").map((w) => `${w.op} ${w.kind}/${w.namespace}/${w.name}`);
}

async function delivered(node: string, want: readonly string[]): Promise<void> {
  const seen: string[] = [];
  await eventually(async () => {
    seen.push(...(await deliver(node)));
    expect([...seen].sort()).toEqual([...want].sort());
  });
}

const named = (name: string) => ({ namespace: "ns", name });
const createModel = (name: string) =>
  client.create(MODELS, {
    metadata: named(name),
    spec: { protocol: "modbus", properties: [{ name: "temperature", type: "INT", accessMode: "ReadWrite" }] },
  });
const createDevice = (name: string, node: string, model: string): Promise<KubeObject> =>
  client.create(DEVICES, { ...deviceOf(name, { node, model }), metadata: named(name) });
const patch = (name: string, spec: object) =>
  client.patch(DEVICES, named(name), { type: "merge", body: { spec } });

interface Shown extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly state?: string;
    readonly lastOnlineTime?: string;
    readonly twins?: readonly {
      readonly propertyName: string;
      readonly reported?: { readonly value: string };
    }[];
  };
}
const statusOf = (name: string): Promise<Shown> => client.get<Shown>(STATUSES, named(name));
const namesOfStatuses = async (): Promise<string[]> =>
  (await client.list(STATUSES, { namespace: "ns" })).items.map(({ metadata }) => metadata.name);
const containing = (...names: string[]): unknown => expect.arrayContaining(names);
const ownerOf = async (name: string): Promise<unknown> =>
  (await statusOf(name)).metadata.ownerReferences?.map(({ kind, uid, controller }) => ({
    ...{ kind, uid, controller },
  }));
const modelResolved = async (name: string): Promise<Condition | undefined> =>
  (await client.get<Shown>(DEVICES, named(name))).status?.conditions?.find(
    ({ type }) => type === "ModelResolved",
  );

/** The row of `kubectl get -o wide`, by its header; cells are cut where the header's words begin. */
async function columnsOf(resource: string, name: string): Promise<Record<string, string>> {
  const kubectl = join(await controlPlaneBin(), "kubectl");
  const args = ["--kubeconfig", api.kubeconfig, "-n", "ns", "get", resource, name, "-o", "wide"];
  const [header = "", row = ""] = (await promisify(execFile)(kubectl, args)).stdout.split("\n");
  const starts = [...header.matchAll(/(?<=^| {2})\S/g)].map(({ index }) => index);
  const cell = (line: string, i: number): string => line.slice(starts[i], starts[i + 1]).trim();
  return Object.fromEntries(starts.map((_, i) => [cell(header, i), cell(row, i)]));
}

describe("placement of devices", () => {
  it("A16 follows the node of a device, and a model stays as long as another device there uses it", async () => {
    await createModel("m");
    await createDevice("a", "edge-1", "m");
    await createDevice("b", "edge-1", "m");
    await createDevice("c", "cloud-1", "m");
    await delivered("edge-1", ["put devicemodel/ns/m", "put device/ns/a", "put device/ns/b"]);

    await patch("a", { nodeName: "edge-2" });
    await delivered("edge-2", ["put devicemodel/ns/m", "put device/ns/a"]);
    await delivered("edge-1", ["del device/ns/a"]);

    await client.patch(MODELS, named("m"), {
      type: "merge",
      body: { spec: { properties: [{ name: "temperature", type: "INT", accessMode: "ReadOnly" }] } },
    });
    await delivered("edge-1", ["put devicemodel/ns/m"]);
    await delivered("edge-2", ["put devicemodel/ns/m"]);

    await client.delete(DEVICES, named("b"));
    await delivered("edge-1", ["del device/ns/b", "del devicemodel/ns/m"]);

    await patch("a", { properties: [{ name: "temperature", desired: { value: "30" } }] });
    await delivered("edge-2", ["put device/ns/a"]);
    await client.delete(DEVICES, named("a"));
    await delivered("edge-2", ["del device/ns/a", "del devicemodel/ns/m"]);
  }, 60_000);

  it("sends nothing again for what is written into a device's status, or when the controllers start anew", async () => {
    await createModel("quiet");
    await createDevice("quiet", "edge-1", "quiet");
    await delivered("edge-1", ["put devicemodel/ns/quiet", "put device/ns/quiet"]);
    await client.patch(DEVICES, named("quiet"), { type: "merge", body: { status: { reportCycle: 7 } } });
    await stop();
    stop = startControllers();
    // What does arrive proves that all before it was looked at.
    await createDevice("marker", "edge-1", "quiet");
    await delivered("edge-1", ["put device/ns/marker"]);
    for (const name of ["quiet", "marker"]) await client.delete(DEVICES, named(name));
    await delivered("edge-1", ["del device/ns/quiet", "del device/ns/marker", "del devicemodel/ns/quiet"]);
  }, 60_000);

  it("holds nothing of either scope for a Node that is gone, and all of both for one that is back", async () => {
    const edge = { metadata: { name: "edge-3", labels: { "node-role.kubernetes.io/edge": "" } } };
    await client.create(NODES, edge);
    await createDevice("gone", "edge-3", "none");
    await delivered("edge-3", ["put device/ns/gone"]);
    await client.delete(NODES, { name: "edge-3" });
    await eventually(async () => {
      const fence = await hub.mailbox.fence("edge-3", randomUUID(), NEW_EDGE);
      const { total } = await hub.mailbox.take("edge-3", fence.owner, 9, new Set());
      expect([fence.ackedCount, total]).toEqual([0, 0]);
    });
    await client.create(NODES, edge);
    await delivered("edge-3", ["put device/ns/gone"]);
  }, 60_000);
});

describe("the DeviceStatus", () => {
  it("A13 is made with each Device, owned by it, and made again when somebody deletes it", async () => {
    const { metadata } = await createDevice("s", "edge-1", "m");
    const owner = [{ kind: "Device", uid: metadata.uid, controller: true }];
    await eventually(async () => expect(await ownerOf("s")).toEqual(owner));
    const first = await statusOf("s");
    await client.delete(STATUSES, named("s"));
    await eventually(async () => {
      const again = await statusOf("s");
      expect(again.metadata.uid).not.toBe(first.metadata.uid);
      expect(again.metadata.ownerReferences?.[0]?.uid).toBe(metadata.uid);
    });
  }, 60_000);

  it("of an older device of that name makes way for that of the new one", async () => {
    const before = await createDevice("again", "edge-1", "m");
    await eventually(async () => expect((await statusOf("again")).metadata.uid).toBeDefined());
    await client.patch(STATUSES, named("again"), { type: "merge", body: { status: { state: "online" } } });
    await client.delete(DEVICES, named("again"));
    // no garbage collector runs here
    const after = await createDevice("again", "edge-1", "m");
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    await eventually(async () => {
      expect(await ownerOf("again")).toMatchObject([{ uid: after.metadata.uid }]);
      expect((await statusOf("again")).status?.state).toBeUndefined();
    });
  }, 60_000);

  // No garbage collector runs here: who removes it is the controller.
  it("A13 goes with its Device, within 2 s", async () => {
    await createDevice("goes", "edge-1", "m");
    await eventually(async () => expect((await statusOf("goes")).metadata.uid).toBeDefined());
    await client.delete(DEVICES, named("goes"));
    await eventually(async () => expect(await namesOfStatuses()).not.toContain("goes"), 2_000);
  }, 60_000);

  it("A13 goes when the Device was deleted while no controller ran, and stays where no Device controls it", async () => {
    for (const name of ["missed", "again-missed"]) await createDevice(name, "edge-1", "m");
    await eventually(async () =>
      expect(await namesOfStatuses()).toEqual(containing("missed", "again-missed")),
    );
    await stop();
    for (const name of ["missed", "again-missed"]) await client.delete(DEVICES, named(name));
    const { metadata } = await createDevice("again-missed", "edge-1", "m");
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
    stop = startControllers();
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
    await eventually(async () => expect(await namesOfStatuses()).not.toContain("late"), 2_000);
  }, 60_000);

  it("made by hand is adopted with what it says", async () => {
    await client.create(STATUSES, { metadata: named("hand"), spec: {}, status: { extensions: { a: 1 } } });
    const { metadata } = await createDevice("hand", "edge-1", "m");
    await eventually(async () => expect(await ownerOf("hand")).toMatchObject([{ uid: metadata.uid }]));
    expect(await statusOf("hand")).toMatchObject({ status: { extensions: { a: 1 } } });
  }, 60_000);
});

describe("ModelResolved", () => {
  it("B3 tells a missing model on the Device and in an event, and turns true when the model comes", async () => {
    await createDevice("r", "edge-1", "late");
    await eventually(async () =>
      expect(await modelResolved("r")).toMatchObject({ status: "False", reason: "ModelNotFound" }),
    );
    const { metadata } = await client.get(DEVICES, named("r"));
    expect((await modelResolved("r"))?.observedGeneration).toBe(metadata.generation);
    await eventually(async () => {
      const { items } = await client.list<KubeObject & { regarding?: object; reason?: string }>(EVENTS, {
        namespace: "ns",
      });
      expect(items).toContainEqual(
        expect.objectContaining({
          reason: "ModelNotFound",
          regarding: expect.objectContaining({ kind: "Device", name: "r" }),
        }),
      );
    });
    await createModel("late");
    await eventually(async () =>
      expect(await modelResolved("r")).toMatchObject({ status: "True", reason: "ModelFound" }),
    );
    const settled = await client.get(DEVICES, named("r"));
    await client.patch(MODELS, named("late"), { type: "merge", body: { metadata: { labels: { a: "b" } } } });
    await client.delete(MODELS, named("late"));
    await eventually(async () => expect(await modelResolved("r")).toMatchObject({ status: "False" }));
    const now = await client.get(DEVICES, named("r"));
    expect((now.metadata.generation ?? 0) - (settled.metadata.generation ?? 0)).toBe(1);
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
  let bench: ReturnType<typeof uplinkBench>;
  beforeEach(() => {
    bench = uplinkBench({ node: "edge-1", api: client });
  });
  afterEach(() => bench.ended.abort());

  /** @returns operation of the answer */
  async function tell(name: string, suffix: string, content: unknown): Promise<string | undefined> {
    const frame = bench.frame("update", `device/ns/${name}/${suffix}`, content);
    await bench.handle(frame);
    const answer = () => bench.sent.find(({ header }) => header.parent_msg_id === frame.header.msg_id);
    await eventually(() => expect(answer()).toBeDefined());
    return answer()?.route.operation;
  }
  const values = async (name: string): Promise<unknown> =>
    Object.fromEntries(
      ((await statusOf(name)).status?.twins ?? []).map((t) => [t.propertyName, t.reported?.value]),
    );

  it("is in its DeviceStatus, from the first value of a property on", async () => {
    await createDevice("t", "edge-1", "m");
    expect(await tell("t", "twin/edge_updated", twin({ temperature: "23" }, 1_000))).toBe("response");
    expect((await statusOf("t")).status?.twins).toEqual([
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
    expect((await statusOf("t")).status).toMatchObject({
      ...{ state: "online", lastOnlineTime: "2026-01-01T00:00:00Z" },
    });
  }, 60_000);

  it("fills every column that kubectl shows, as the condition of the Device does", async () => {
    await createModel("shown");
    await createDevice("shown", "edge-1", "shown");
    const lastOnlineTime = new Date().toISOString();
    const state = { name: "shown", state: "online", lastOnlineTime };
    await tell("shown", "state/update", JSON.stringify({ event_id: "e", device: state }));
    await tell("shown", "twin/edge_updated", twin({ temperature: "23" }, 1_000));
    await eventually(async () => expect(await modelResolved("shown")).toBeDefined());
    const age = expect.stringMatching(/^\d+s$/) as unknown;
    expect(await columnsOf("device", "shown")).toEqual({
      ...{ NAME: "shown", MODEL: "shown", NODE: "edge-1", PROTOCOL: "modbus" },
      ...{ "MODEL RESOLVED": "True", REASON: "ModelFound", AGE: age },
    });
    expect(await columnsOf("devicemodel", "shown")).toEqual({ NAME: "shown", PROTOCOL: "modbus", AGE: age });
    expect(await columnsOf("devicestatus", "shown")).toEqual({
      ...{
        NAME: "shown",
        STATE: "online",
        "LAST SEEN": age,
        PROPERTY: "temperature",
        REPORTED: "23",
        AGE: age,
      },
    });
    expect(await columnsOf("devices.v1alpha2.devices.kubeedge.io", "shown")).toMatchObject({
      REASON: "ModelFound",
    });
  }, 60_000);

  it("keeps the owner of the DeviceStatus when the report comes before the controller", async () => {
    await stop();
    const { metadata } = await createDevice("early", "edge-1", "m");
    await tell("early", "twin/edge_updated", twin({ temperature: "1" }, 1));
    stop = startControllers();
    expect(await ownerOf("early")).toEqual([{ kind: "Device", uid: metadata.uid, controller: true }]);
    await eventually(async () => expect(await modelResolved("early")).toBeDefined());
    expect(await values("early")).toEqual({ temperature: "1" });
  }, 60_000);

  it("is merged with what another wrote into the DeviceStatus meanwhile", async () => {
    await createDevice("both", "edge-1", "m");
    await tell("both", "twin/edge_updated", twin({ temperature: "1" }, 1));
    const { status } = await statusOf("both");
    const twins = [...(status?.twins ?? []), { propertyName: "humidity", reported: { value: "40" } }];
    await client.patch(STATUSES, named("both"), { type: "merge", body: { status: { twins } } });
    expect(await tell("both", "twin/edge_updated", twin({ temperature: "2" }, 2))).toBe("response");
    expect(await values("both")).toEqual({ temperature: "2", humidity: "40" });
  }, 60_000);

  it("is refused from a node that the device has left", async () => {
    await createDevice("moves", "edge-1", "m");
    await tell("moves", "twin/edge_updated", twin({ temperature: "1" }, 1));
    await patch("moves", { nodeName: "edge-2" });
    // a session that begins after the move: one that knew the device may write for another 10 s
    bench = uplinkBench({ node: "edge-1", api: client });
    expect(await tell("moves", "twin/edge_updated", twin({ temperature: "9" }, 9))).toBe("error");
    expect(await bench.rejects()).toEqual({ FORBIDDEN: 1 });
    bench = uplinkBench({ node: "edge-2", api: client });
    expect(await tell("moves", "twin/edge_updated", twin({ temperature: "2" }, 2))).toBe("response");
    expect(await values("moves")).toEqual({ temperature: "2" });
  }, 60_000);
});
