// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { toAny } from "@longshore/crds/dmi";
import { DEFAULT_OPTIONS } from "@longshore/mapper";
import { isSameProperty, needsReopen, planDevice } from "../../src/device/plan.ts";
import { aDevice, aModel } from "../support/gen.ts";

const planOf = (change: Parameters<typeof aDevice>[0] = {}, model = aModel()) =>
  planDevice(aDevice(change), model, DEFAULT_OPTIONS);

describe("the plan of a device", () => {
  it("hands configData over as it was written, 32-bit numbers too", () => {
    const { plan } = planOf({
      properties: [
        {
          name: "target",
          visitors: {
            protocolName: "virtual",
            configData: {
              data: { scale: toAny(0.1), offset: toAny(2), swap: toAny(true), at: toAny("coil") },
            },
          },
        },
      ],
    });
    expect(plan.device.config).toStrictEqual({ host: "a" });
    expect(plan.properties[0]?.property.config).toStrictEqual({
      scale: 0.1,
      offset: 2,
      swap: true,
      at: "coil",
    });
  });

  it("takes types, access and range from the model", () => {
    expect(planOf().plan.device.properties).toMatchObject([
      { name: "temperature", type: "FLOAT", writable: false },
      { name: "target", type: "INT", writable: true, minimum: -40, maximum: 100 },
    ]);
  });

  it.each([
    { given: 0n, cycleMs: 1000, why: "none is the default" },
    { given: -5n, cycleMs: 1000, why: "negative is the default" },
    { given: 1n, cycleMs: 100, why: "at least 100 ms" },
    { given: 2n ** 62n, cycleMs: 86_400_000, why: "at most a day" },
  ])("bounds a cycle of $given: $why", ({ given, cycleMs }) => {
    expect(planOf({ collectCycle: given }).plan.properties[0]?.collectCycleMs).toBe(cycleMs);
  });

  it("leaves out, and names, what the model does not have, what comes twice and what is too much", () => {
    const names = ["target", "target", "unknown", "temperature"];
    const given = aDevice({ properties: names.map((name) => ({ name })) });
    const { plan, refused } = planDevice(given, aModel(), { ...DEFAULT_OPTIONS, maxPropertiesPerDevice: 1 });
    expect(plan.properties.map(({ property }) => property.name)).toStrictEqual(["target"]);
    expect(refused).toStrictEqual([
      { property: "target", reason: "given twice" },
      { property: "unknown", reason: "not in the model" },
      { property: "temperature", reason: "more than allowed" },
    ]);
  });

  it("A20 keeps a STREAM apart from what is collected", () => {
    const model = aModel();
    model.spec!.properties[0]!.type = "STREAM";
    const { plan, refused } = planOf({}, model);
    expect(refused).toStrictEqual([]);
    expect(plan.streams).toStrictEqual([{ name: "temperature", config: {} }]);
    expect(plan.device.streams).toBe(plan.streams);
    expect(plan.properties.map(({ property }) => property.name)).toStrictEqual(["target"]);
  });

  it("refuses what a STREAM cannot have", () => {
    const model = aModel();
    model.spec!.properties[0]!.type = "STREAM";
    const pushMethod = { mqtt: { address: "tcp://127.0.0.1:1883", topic: "t" } };
    const properties = [{ name: "temperature", desired: { value: "3" }, pushMethod }];
    expect(planOf({ properties }, model).refused).toStrictEqual([
      { property: "temperature", reason: "a stream has no desired value" },
      { property: "temperature", reason: "a stream is not pushed" },
    ]);
  });

  const pushed = (change: object, pushMethod: object = { mqtt: { address: "127.0.0.1", topic: "t" } }) =>
    planOf({ properties: [{ name: "target", pushMethod, ...change }] });

  it.each([
    { given: { reportCycle: 2000n }, cycleMs: 2000, collectMs: 1000, why: "at its reportCycle" },
    { given: {}, cycleMs: 1000, collectMs: 1000, why: "each second when it says nothing" },
    { given: { collectCycle: 60_000n }, cycleMs: 1000, collectMs: 1000, why: "each time with a new reading" },
  ])("A18 pushes whatever reportToCloud says, $why", ({ given, cycleMs, collectMs }) => {
    for (const reportToCloud of [false, true]) {
      const [property] = pushed({ ...given, reportToCloud }).plan.properties;
      expect(property).toMatchObject({ push: { cycleMs }, collectCycleMs: collectMs });
    }
  });

  it("names a push method that it does not carry out, and carries out the others", () => {
    const { plan, refused } = pushed(
      {},
      { mqtt: { address: "127.0.0.1", topic: "" }, http: { hostname: "h" } },
    );
    expect(plan.properties[0]?.push?.targets.map(({ kind }) => kind)).toStrictEqual(["http"]);
    expect(refused).toStrictEqual([{ property: "target", push: "mqtt", reason: "something is missing" }]);
  });

  it("is of the same property, and the same handle, with another push method, range or unit", () => {
    const other = aModel({ maximum: "50" });
    other.spec!.properties[1]!.unit = "K";
    const before = planOf().plan;
    for (const { plan } of [pushed({}), planOf({}, other)]) {
      expect(isSameProperty(before, plan, "target")).toBe(true);
    }
    expect(needsReopen(before, planOf({}, other).plan)).toBe(false);
  });

  it("takes the methods as they are given, each name once", () => {
    const device = aDevice();
    const method = { name: "setValue", description: "sets it", propertyNames: ["target"] };
    device.spec!.methods = [method, method, { name: "", description: "", propertyNames: [] }];
    const { plan, refused } = planDevice(device, aModel(), DEFAULT_OPTIONS);
    expect(plan.methods).toStrictEqual([method]);
    expect(refused).toStrictEqual([
      { method: "setValue", reason: "given twice" },
      { method: "", reason: "it has no name" },
    ]);
  });

  it.each([
    { what: "desired value", change: { target: "30" }, reopens: false },
    { what: "cycle", change: { collectCycle: 200n, stateCycle: 300n }, reopens: false },
    { what: "host", change: { host: "b" }, reopens: true },
  ])("with another $what needs another handle: $reopens", ({ change, reopens }) => {
    expect(needsReopen(planOf().plan, planOf(change).plan)).toBe(reopens);
    expect(isSameProperty(planOf().plan, planOf(change).plan, "target")).toBe(!reopens);
  });
});
