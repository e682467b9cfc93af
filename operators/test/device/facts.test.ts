// SPDX-License-Identifier: Apache-2.0
import { judgeDevice, type DeviceModelSpec, type DeviceSpec } from "@longshore/crds/devices";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { factsOf, modelFacts, specOf } from "../../src/device/facts.ts";

const name = fc.constantFrom("a", "b", "", "é\u2028");
const property = fc.record(
  { name, desired: fc.record({ value: fc.constantFrom("", "1", "500", "x") }), collectCycle: fc.nat() },
  { requiredKeys: [] },
);
const spec: fc.Arbitrary<DeviceSpec> = fc.record(
  {
    deviceModelRef: fc.record({ name }),
    nodeName: fc.string(),
    properties: fc.array(property, { maxLength: 4 }),
    methods: fc.array(
      fc.record({ name, propertyNames: fc.array(name, { maxLength: 3 }) }, { requiredKeys: [] }),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: [] },
);
const modelProperty = fc.record(
  {
    name,
    type: fc.constantFrom("INT" as const, "STRING" as const),
    accessMode: fc.constantFrom("ReadOnly" as const, "ReadWrite" as const),
    ...{ minimum: fc.constantFrom("", "0"), maximum: fc.constantFrom("", "9"), description: fc.string() },
  },
  { requiredKeys: [] },
);
const model: fc.Arbitrary<DeviceModelSpec> = fc.record(
  { properties: fc.array(modelProperty, { maxLength: 4 }) },
  { requiredKeys: [] },
);

describe("what is kept of a device and its model", () => {
  it("is judged like the whole", () => {
    fc.assert(
      fc.property(spec, model, (device, of) => {
        expect(judgeDevice(specOf(factsOf(device)), modelFacts(of))).toEqual(judgeDevice(device, of));
      }),
    );
  });

  it("is some ten bytes a property beside its name", () => {
    const properties = Array.from({ length: 100 }, (_, i) => ({ name: `p${i}`, desired: { value: "1" } }));
    expect(factsOf({ properties }).length).toBeLessThan(100 * 15);
  });
});
