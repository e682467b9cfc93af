// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  duplicateProperties,
  judgeDevice,
  modelMismatches,
  type DeviceModelSpec,
  type DeviceProperty,
  type DeviceSpec,
} from "../../src/devices/v1beta1/index.ts";

const model: DeviceModelSpec = {
  properties: [
    { name: "temperature", type: "INT", accessMode: "ReadOnly" },
    { name: "interval", type: "INT", accessMode: "ReadWrite", minimum: "1", maximum: "100" },
  ],
};
const device = (...properties: DeviceProperty[]): DeviceSpec => ({
  deviceModelRef: { name: "m" },
  properties,
});

describe("judgeDevice", () => {
  it.each<{ when: string; spec: DeviceSpec; of?: DeviceModelSpec; reason: string; says: string }>([
    {
      when: "it fits",
      spec: device({ name: "interval", desired: { value: "9" } }),
      of: model,
      reason: "Accepted",
      says: "fits",
    },
    {
      when: "there is no model of that name",
      spec: device({ name: "x" }),
      reason: "ModelNotFound",
      says: 'no DeviceModel "m"',
    },
    { when: "it names no model", spec: {}, reason: "ModelNotFound", says: "names no model" },
    {
      when: "the model has no such property",
      spec: device({ name: "x" }),
      of: model,
      reason: "PropertyInvalid",
      says: 'spec.properties[0].name: the DeviceModel "m" has no property "x"',
    },
    {
      when: "a value is out of range",
      spec: device({ name: "interval", desired: { value: "500" } }),
      of: model,
      reason: "PropertyInvalid",
      says: 'spec.properties[0].desired.value: "500" is over the maximum 100',
    },
    {
      when: "two properties have one name and the model is missing",
      spec: device({ name: "a" }, { name: "a" }),
      reason: "PropertyInvalid",
      says: "spec.properties[1].name: property names must be unique.",
    },
  ])("says $reason when $when", ({ spec, of, reason, says }) => {
    const judgement = judgeDevice(spec, of);
    expect(judgement.reason).toBe(reason);
    expect(judgement.message).toContain(says);
    expect(judgement.faults.length > 0).toBe(reason === "PropertyInvalid");
  });

  it("tells the first three faults and how many more there are", () => {
    const { message, faults } = judgeDevice(
      device(...["a", "b", "c", "d", "e"].map((name) => ({ name }))),
      model,
    );
    expect(faults).toHaveLength(5);
    expect(message).toMatch(/properties\[0\].*properties\[1\].*properties\[2\].*; and 2 more$/);
  });

  it("has the faults of admission, and a message of bounded length, for any names and values", () => {
    const names = fc.oneof(fc.constantFrom("temperature", "interval", ""), fc.string({ maxLength: 3000 }));
    const property = fc.record({
      name: names,
      desired: fc.record({ value: fc.string({ maxLength: 3000 }) }),
    });
    fc.assert(
      fc.property(fc.array(property, { maxLength: 6 }), (properties) => {
        const spec = device(...properties);
        const { faults, message } = judgeDevice(spec, model);
        expect(faults).toEqual([...duplicateProperties(properties), ...modelMismatches(spec, model)]);
        expect(message.length).toBeLessThanOrEqual(520);
      }),
    );
  });
});
