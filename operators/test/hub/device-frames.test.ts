// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Frame } from "@longshore/crds/wire";
import { readFileSync } from "node:fs";
import type { KubeObject } from "../../src/runtime/client.ts";
import type { Edge } from "./support/edge.ts";
import { createRig, eventually, type Rig } from "./support/rig.ts";

interface Line {
  readonly dir: string;
  readonly msg: Frame;
}

const NODE = "edge-node";

/** What a real CloudCore sent about devices, and nothing else. */
const recorded = (name: string): Frame[] =>
  readFileSync(new URL(`../../../crds/test/golden/${name}.jsonl`, import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line)
    .filter(({ dir, msg }) => dir === "down" && msg.route.source === "devicecontroller")
    .map(({ msg }) => msg);

const bodyOf = (file: string, type: string): KubeObject =>
  recorded(file).find(({ route }) => route.resource?.includes(`/${type}/`))?.content as KubeObject;

/** Leaves out what differs by its nature: ids and times, and managedFields, which mean nothing to an edge. */
function shape({ header, route, content }: Frame): unknown {
  const { metadata, ...rest } = content as Partial<KubeObject>;
  const text = JSON.stringify(
    metadata === undefined ? rest : { ...rest, metadata: { ...metadata, managedFields: 0 } },
  );
  const varying = /"(event_id|timestamp)":("[^"]+"|\d+)/g;
  return {
    header: { ...header, msg_id: "id", timestamp: 0 },
    route,
    content: JSON.parse(text.replace(varying, '"$1":"varies"')) as unknown,
  };
}
const byResource = (frames: readonly Frame[]): unknown[] =>
  frames.toSorted((a, b) => (a.route.resource ?? "").localeCompare(b.route.resource ?? "")).map(shape);
const lineOf = ({ route }: Frame): string => `${route.operation} ${route.resource}`;

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.stop());

/** An edge that acknowledges, with nothing to do. */
async function connected(negotiated: boolean): Promise<Edge> {
  const edge = negotiated ? await rig.ours(NODE) : await rig.edge(NODE);
  await edge.opened;
  edge.ackAll();
  await eventually(() => rig.mailbox.box(NODE).owner !== undefined);
  return edge;
}

const sentBy = (edge: Edge): Frame[] =>
  edge.frames.filter(({ route }) => /membership|\/device/.test(route.resource ?? ""));

function want(type: "device" | "devicemodel", file: string, over: object = {}): void {
  const { metadata } = bodyOf(file, type);
  rig.mailbox.want(NODE, {
    kind: type,
    scope: "device",
    field: `device:${type}/default/${metadata.name}`,
    ...{ namespace: "default", name: metadata.name },
    ...{ uid: metadata.uid, resourceVersion: metadata.resourceVersion },
    ...over,
  });
}

/** Model first; both are wanted before the hub looks. */
function wantBoth(file: string, over: object = {}): void {
  const box = rig.mailbox.box(NODE);
  const owner = box.owner!;
  delete box.owner;
  want("device", file, over);
  want("devicemodel", file, over);
  box.owner = owner;
  rig.mailbox.wake(NODE);
}

function store(file: string): void {
  rig.client.put("devicemodels", bodyOf(file, "devicemodel"));
  rig.client.put("devices", bodyOf(file, "device"));
}
const done = (): Promise<void> => eventually(() => rig.mailbox.box(NODE).want.size === 0, "all acked");

describe("devices towards an EdgeCore, compared with the recording of a real CloudCore", () => {
  it("a device comes as recorded: its model, its membership without an ack, itself", async () => {
    const edge = await connected(false);
    store("device");
    wantBoth("device", { fresh: true });
    await done();
    expect(byResource(sentBy(edge))).toEqual(byResource(recorded("device")));
    expect(sentBy(edge).map(lineOf)).toEqual([
      "insert default/devicemodel/m1",
      "update membership",
      "insert default/device/d1",
    ]);
  });

  it("a changed device comes as recorded, and is no news of membership", async () => {
    const edge = await connected(false);
    rig.client.put("devices", bodyOf("device_update", "device"));
    want("device", "device_update", { fresh: false });
    await done();
    expect(sentBy(edge).map(shape)).toEqual(recorded("device_update").map(shape));
  });

  it("a device goes as recorded, with its last content: EdgeCore finds the mapper by its protocol", async () => {
    const edge = await connected(false);
    store("device_delete");
    wantBoth("device_delete", { fresh: true });
    await done();
    rig.client.remove("devices", { namespace: "default", name: "d1" });
    rig.client.remove("devicemodels", { namespace: "default", name: "m1" });
    edge.frames.length = 0;
    wantBoth("device_delete", { op: "del" });
    await done();
    expect(byResource(sentBy(edge))).toEqual(byResource(recorded("device_delete")));
    expect(sentBy(edge).map(lineOf)).toEqual([
      "update membership",
      "delete default/device/d1",
      "delete default/devicemodel/m1",
    ]);
  });

  it("a device that another hub has sent, and that leaves the node, is read for its delete", async () => {
    const edge = await connected(false);
    store("device_delete");
    want("device", "device_delete", { op: "del" });
    await done();
    expect(sentBy(edge).at(-1)?.content).toMatchObject({ spec: { protocol: { protocolName: "modbus" } } });
  });

  it("a device that is gone and was never seen by this hub is deleted by its name", async () => {
    const edge = await connected(false);
    want("device", "device_delete", { op: "del" });
    await done();
    const { uid } = bodyOf("device_delete", "device").metadata;
    expect(sentBy(edge).map(lineOf)).toEqual(["update membership", "delete default/device/d1"]);
    expect(sentBy(edge).at(-1)?.content).toEqual({ metadata: { name: "d1", namespace: "default", uid } });
  });
});

describe("devices towards our agent", () => {
  it("come and go by their objects alone, and a delete names no more than the uid", async () => {
    const edge = await connected(true);
    store("device");
    wantBoth("device", { fresh: true });
    await done();
    wantBoth("device", { op: "del" });
    await done();
    const frames = sentBy(edge);
    expect(frames.map(lineOf).toSorted()).toEqual([
      "delete default/device/d1",
      "delete default/devicemodel/m1",
      "insert default/device/d1",
      "insert default/devicemodel/m1",
    ]);
    const removed = frames.find((frame) => lineOf(frame) === "delete default/device/d1");
    expect(Object.keys(removed?.content as object)).toEqual(["metadata"]);
  });
});
