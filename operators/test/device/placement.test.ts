// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { devicePlacement, type DeviceCaches, type DeviceEvent } from "../../src/device/placement.ts";
import { trimDevice } from "../../src/device/transform.ts";
import { trimObject } from "../../src/placement/index.ts";
import { device, model } from "./builders.ts";

interface World {
  readonly nodes?: readonly string[];
  readonly devices?: readonly ReturnType<typeof device>[];
  readonly models?: readonly ReturnType<typeof model>[];
  /** names of devices whose old node may hold them still */
  readonly held?: readonly string[];
}

function cachesOf({
  nodes = ["edge-1", "edge-2"],
  devices = [],
  models = [],
  held = [],
}: World): DeviceCaches {
  const trimmed = devices.map(trimDevice);
  return {
    hasNode: (name) => nodes.includes(name),
    devicesOn: (node) => trimmed.filter((d) => d.nodeName === node),
    devicesOf: (namespace, name) =>
      trimmed.filter((d) => d.metadata.namespace === namespace && d.modelName === name),
    model: (namespace, name) => {
      const found = models.find((m) => m.metadata.namespace === namespace && m.metadata.name === name);
      return found === undefined ? undefined : trimObject(found);
    },
    isHeld: ({ metadata }) => held.includes(metadata.name),
  };
}

const refs = (world: World, node = "edge-1"): string[] =>
  devicePlacement.refsOf(node, cachesOf(world)).map((r) => `${r.kind}/${r.namespace}/${r.name}`);

describe("refsOf", () => {
  it.each([
    { when: "there is nothing", world: {}, want: [] },
    {
      when: "a device is on the node",
      world: { devices: [device("d", { node: "edge-1", model: "m" })], models: [model("m"), model("n")] },
      want: ["devicemodel/ns/m", "device/ns/d"],
    },
    {
      when: "two devices share a model",
      world: {
        devices: [device("a", { node: "edge-1", model: "m" }), device("b", { node: "edge-1", model: "m" })],
        models: [model("m")],
      },
      want: ["devicemodel/ns/m", "device/ns/a", "device/ns/b"],
    },
    {
      when: "the only device of a model has not left its old node",
      world: { devices: [device("d", { node: "edge-1", model: "m" })], models: [model("m")], held: ["d"] },
      want: [],
    },
    {
      when: "one of two devices of a model has not left its old node",
      world: {
        devices: [device("a", { node: "edge-1", model: "m" }), device("b", { node: "edge-1", model: "m" })],
        ...{ models: [model("m")], held: ["a"] },
      },
      want: ["devicemodel/ns/m", "device/ns/b"],
    },
    {
      when: "the model does not exist",
      world: { devices: [device("d", { node: "edge-1", model: "m" })] },
      want: ["device/ns/d"],
    },
    {
      when: "the model of that name is in another namespace",
      world: { devices: [device("d", { node: "edge-1", model: "m" })], models: [model("m", "other")] },
      want: ["device/ns/d"],
    },
    {
      when: "the device names no model",
      world: { devices: [device("d", { node: "edge-1" })] },
      want: ["device/ns/d"],
    },
    {
      when: "the device is on another node",
      world: { devices: [device("d", { node: "edge-2", model: "m" })], models: [model("m")] },
      want: [],
    },
    {
      when: "the device is on no node",
      world: { devices: [device("d", { model: "m" })], models: [model("m")] },
      want: [],
    },
  ])("is $want when $when", ({ world, want }) => {
    expect(refs(world)).toEqual(want);
  });
});

describe("nodesOf", () => {
  const caches = cachesOf({
    devices: [
      device("a", { node: "edge-1", model: "m" }),
      device("b", { node: "edge-2", model: "m" }),
      device("c", { node: "edge-2", model: "m" }),
      device("d", { node: "cloud-1", model: "m" }),
      device("e", { model: "m" }),
    ],
    models: [model("m")],
  });
  const cases: readonly { of: string; event: DeviceEvent; want: string[] }[] = [
    {
      of: "a device",
      event: { kind: "device", object: trimDevice(device("x", { node: "edge-1" })) },
      want: ["edge-1"],
    },
    {
      of: "a device on a node that is not one of ours",
      event: { kind: "device", object: trimDevice(device("x", { node: "cloud-1" })) },
      want: [],
    },
    { of: "a device on no node", event: { kind: "device", object: trimDevice(device("x")) }, want: [] },
    {
      of: "a model that several devices use",
      event: { kind: "devicemodel", object: trimObject(model("m")) },
      want: ["edge-1", "edge-2"],
    },
    {
      of: "a model that nobody uses",
      event: { kind: "devicemodel", object: trimObject(model("n")) },
      want: [],
    },
    {
      of: "a model of that name in another namespace",
      event: { kind: "devicemodel", object: trimObject(model("m", "other")) },
      want: [],
    },
    {
      of: "a Node",
      event: {
        kind: "node",
        object: trimObject({ metadata: { name: "edge-1", uid: "u", resourceVersion: "1" } }),
      },
      want: ["edge-1"],
    },
  ];
  it.each(cases)("is $want for $of", ({ event, want }) => {
    expect([...devicePlacement.nodesOf(event, caches)]).toEqual(want);
  });
});

describe("trimDevice", () => {
  const base = device("d", { node: "edge-1", model: "m" });
  it.each([
    {
      when: "its status was written",
      now: device("d", { node: "edge-1", model: "m", status: { state: "online" } }),
    },
    {
      when: "its version and generation rose",
      now: device("d", { node: "edge-1", model: "m", meta: { resourceVersion: "9", generation: 9 } }),
    },
  ])("sends nothing again when $when", ({ now }) => {
    expect(trimDevice(now).digest).toBe(trimDevice(base).digest);
  });

  it.each([
    { when: "its node changed", now: device("d", { node: "edge-2", model: "m" }) },
    { when: "its model changed", now: device("d", { node: "edge-1", model: "n" }) },
    { when: "it was created anew", now: device("d", { node: "edge-1", model: "m", meta: { uid: "other" } }) },
  ])("has another digest when $when", ({ now }) => {
    expect(trimDevice(now).digest).not.toBe(trimDevice(base).digest);
  });
});
