// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import { describe, expect, it } from "@jest/globals";
import { planConditions, type Observed } from "../../src/device/conditions.ts";
import { trimDevice, trimModel, type TrimmedDevice } from "../../src/device/transform.ts";
import type { Condition } from "../../src/runtime/index.ts";
import { device } from "./builders.ts";

const NOW = "2026-01-01T00:00:00Z";
const LATER = "2027-01-01T00:00:00Z";
const modelOf = (...properties: object[]) =>
  trimModel({
    metadata: { name: "m", namespace: "ns", uid: "uid-m", resourceVersion: "1" },
    ...{ spec: { properties } },
  });
const MODEL = modelOf({ name: "temperature", type: "INT", accessMode: "ReadWrite", maximum: "100" });
const ACKED = { reason: "Acknowledged", message: "edge-1 has it" } as const;
const PENDING = { reason: "Pending", message: "edge-1 has not confirmed it yet" } as const;
const fine: Observed = { model: MODEL, node: "edge", delivery: ACKED };
const given = (over: object = {}): TrimmedDevice =>
  trimDevice(device("d", { node: "edge-1", model: "m", ...over }));

/** The device after the plan was written, by the rules of an API server without a status subresource. */
const written = (before: TrimmedDevice, conditions: readonly Condition[]): TrimmedDevice =>
  given({ meta: { generation: (before.metadata.generation ?? 0) + 1 }, status: { conditions } });

function told(observed: Partial<Observed>, on = given()): Record<string, string> {
  const plan = planConditions(on, { ...fine, ...observed }, NOW);
  return Object.fromEntries((plan?.conditions ?? []).map((c) => [c.type, `${c.status} ${c.reason}`]));
}

describe("the conditions of a device", () => {
  it("fit into the Device whatever it names as its model or its node", () => {
    const name = "m".repeat(100_000);
    for (const on of [given({ model: name }), given({ node: name })]) {
      const plan = planConditions(on, { model: undefined, node: "missing", delivery: PENDING }, NOW);
      expect(plan?.conditions.map(({ message }) => message.length <= 600)).toEqual([true, true, true]);
    }
  });

  const all = { Accepted: "True Accepted", ModelResolved: "True ModelFound", Delivered: "True Acknowledged" };
  it.each<{ when: string; observed: Partial<Observed>; want: object }>([
    { when: "all is well", observed: {}, want: all },
    {
      when: "there is no model",
      observed: { model: undefined },
      want: { ...all, Accepted: "False ModelNotFound", ModelResolved: "False ModelNotFound" },
    },
    {
      when: "the model has no such property",
      observed: { model: modelOf() },
      want: { ...all, Accepted: "False PropertyInvalid" },
    },
    {
      when: "a value is over the maximum that the model has now",
      observed: { model: modelOf({ name: "temperature", type: "INT", maximum: "10" }) },
      want: { ...all, Accepted: "False PropertyInvalid" },
    },
    {
      when: "there is no such Node",
      observed: { node: "missing", delivery: PENDING },
      want: { ...all, Accepted: "False NodeNotFound", Delivered: "False Pending" },
    },
    {
      when: "it names no node",
      observed: { node: "none", delivery: PENDING },
      want: { ...all, Accepted: "False NodeNotFound", Delivered: "False Pending" },
    },
    {
      when: "the Node is not an edge node",
      observed: { node: "notEdge", delivery: PENDING },
      want: { ...all, Accepted: "False NodeNotEdge", Delivered: "False Pending" },
    },
    {
      when: "the node is away",
      observed: { delivery: { reason: "NodeOffline", message: "later" } },
      want: { ...all, Delivered: "False NodeOffline" },
    },
    {
      when: "delivery cannot be told",
      observed: { delivery: undefined },
      want: { Accepted: "True Accepted", ModelResolved: "True ModelFound" },
    },
  ])("are $want when $when", ({ observed, want }) => {
    expect(told(observed)).toEqual(want);
  });

  it("have no word that the table of kinds does not have", () => {
    const { conditions } = kinds.Device;
    const plan = planConditions(given(), { ...fine, node: "missing", model: undefined }, NOW);
    expect(plan?.conditions.map(({ type }) => type).sort()).toEqual(Object.keys(conditions).sort());
    for (const { type, reason } of plan?.conditions ?? [])
      expect(conditions[type as keyof typeof conditions].reasons).toContain(reason);
  });

  it("name the property that is wrong", () => {
    const [accepted] = planConditions(given(), { ...fine, model: modelOf() }, NOW)?.conditions ?? [];
    expect(accepted?.message).toBe(
      'spec.properties[0].name: the DeviceModel "m" has no property "temperature"',
    );
  });

  it("bear a device without a spec", () => {
    const bare = trimDevice({ metadata: { name: "d", namespace: "ns", uid: "u", resourceVersion: "1" } });
    const observed = { model: undefined, node: "none", delivery: PENDING } as const;
    expect(planConditions(bare, observed, NOW)?.conditions[1]?.message).toContain("names no model");
  });
});

describe("writing them", () => {
  it("is for the generation that the write makes, and asks for no second write", () => {
    const first = planConditions(given(), fine, NOW);
    expect(first?.conditions.map((c) => c.observedGeneration)).toEqual([2, 2, 2]);
    expect(planConditions(written(given(), first?.conditions ?? []), fine, LATER)).toBeUndefined();
  });

  it("is done once more for a newer spec, without news when the words are the same", () => {
    const { conditions = [] } = planConditions(given(), fine, NOW) ?? {};
    const edited = given({ meta: { generation: 3 }, status: { conditions } });
    const next = planConditions(edited, fine, LATER);
    expect(next?.conditions.map((c) => c.observedGeneration)).toEqual([4, 4, 4]);
    expect(next?.conditions.map((c) => c.lastTransitionTime)).toEqual([NOW, NOW, NOW]);
    expect(next?.news).toEqual([]);
  });

  it("moves the transition time of what flips alone", () => {
    const first = planConditions(given(), { ...fine, delivery: PENDING }, NOW);
    const next = planConditions(written(given(), first?.conditions ?? []), fine, LATER);
    expect(next?.conditions.map((c) => c.lastTransitionTime)).toEqual([NOW, NOW, LATER]);
    expect(next?.news.map(({ type }) => type)).toEqual(["Delivered"]);
  });

  it("keeps what was told of delivery while it cannot be told, and asks for no write for that", () => {
    const first = planConditions(given(), fine, NOW);
    const unknown = { ...fine, delivery: undefined };
    expect(planConditions(written(given(), first?.conditions ?? []), unknown, LATER)).toBeUndefined();
    const worse = planConditions(
      written(given(), first?.conditions ?? []),
      { ...unknown, model: undefined },
      LATER,
    );
    expect(worse?.conditions).toContainEqual(first?.conditions[2]);
  });

  it("keeps no condition of anybody else's, which are not ours to write", () => {
    const foreign = { type: "Ready", status: "True", reason: "Mine", message: "", lastTransitionTime: NOW };
    const plan = planConditions(given({ status: { conditions: [foreign] } }), fine, NOW);
    expect(plan?.conditions.map(({ type }) => type)).toEqual(["Accepted", "ModelResolved", "Delivered"]);
  });
});
