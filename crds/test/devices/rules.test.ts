// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  deviceHazards,
  duplicateProperties,
  judgeValue,
  modelMismatches,
  unusableBounds,
  type DeviceModelProperty,
  type DeviceProperty,
  type DeviceSpec,
} from "../../src/devices/v1beta1/index.ts";

const model = {
  properties: [
    { name: "temperature", type: "INT", accessMode: "ReadOnly" },
    { name: "interval", type: "INT", accessMode: "ReadWrite", minimum: "1", maximum: "100" },
    { name: "label", type: "STRING" },
  ] satisfies DeviceModelProperty[],
};
const device = (...properties: DeviceProperty[]): DeviceSpec => ({
  deviceModelRef: { name: "thermometer" },
  properties,
});

describe("property names", () => {
  it("A15 B5 are unique, by KubeEdge's sentence, at each later place", () => {
    expect(duplicateProperties([{ name: "a" }, { name: "b" }, { name: "a" }, { name: "a" }])).toEqual(
      [2, 3].map((index) => ({
        field: `spec.properties[${index}].name`,
        message: "property names must be unique.",
      })),
    );
  });
  it("are no fault when there are none", () => expect(duplicateProperties(undefined)).toEqual([]));
});

describe("a Device and its model", () => {
  it.each<{ when: string; property: DeviceProperty; field?: string; says?: string }>([
    { when: "the value fits", property: { name: "interval", desired: { value: "100" } } },
    { when: "nothing is wanted", property: { name: "temperature" } },
    { when: "the wanted value is empty", property: { name: "temperature", desired: { value: "" } } },
    { when: "a text is wanted of a STRING", property: { name: "label", desired: { value: "500 %" } } },
    {
      when: "the model has no such property",
      property: { name: "humidity" },
      field: "spec.properties[0].name",
      says: 'the DeviceModel "thermometer" has no property "humidity"',
    },
    {
      when: "the value is over the maximum",
      property: { name: "interval", desired: { value: "500" } },
      field: "spec.properties[0].desired.value",
      says: '"500" is over the maximum 100',
    },
    {
      when: "the value is under the minimum",
      property: { name: "interval", desired: { value: "0" } },
      field: "spec.properties[0].desired.value",
      says: '"0" is under the minimum 1',
    },
    {
      when: "the value is of another type",
      property: { name: "interval", desired: { value: "often" } },
      field: "spec.properties[0].desired.value",
      says: '"often" is no INT',
    },
    {
      when: "the property can only be read",
      property: { name: "temperature", desired: { value: "1" } },
      field: "spec.properties[0].desired",
      says: 'the property "temperature" is ReadOnly',
    },
  ])("A15 are judged when $when", ({ property, field, says }) => {
    const found = modelMismatches(device(property), model);
    if (field === undefined) expect(found).toEqual([]);
    else expect(found).toEqual([{ field, message: expect.stringContaining(says ?? "") as unknown }]);
  });

  it.each<{ when: string; names: string[]; field?: string; says?: string }>([
    { when: "names what can be written", names: ["interval", "label"] },
    { when: "names nothing", names: [] },
    {
      when: "names what the model has not",
      names: ["interval", "humidity"],
      field: "spec.methods[1].propertyNames[1]",
      says: 'the DeviceModel "thermometer" has no property "humidity"',
    },
    {
      when: "names what can only be read",
      names: ["temperature"],
      field: "spec.methods[1].propertyNames[0]",
      says: 'the property "temperature" is ReadOnly in its DeviceModel',
    },
  ])("A19 are judged when a method $when", ({ names, field, says }) => {
    const methods = [{ name: "nothing" }, { name: "setValue", propertyNames: names }];
    expect(modelMismatches({ ...device(), methods }, model)).toEqual(
      field === undefined ? [] : [{ field, message: says }],
    );
  });

  it("are compared without a word of more than 64 characters of a value", () => {
    const [fault] = modelMismatches(
      device({ name: "interval", desired: { value: "x".repeat(9_000) } }),
      model,
    );
    expect(fault?.message.length).toBeLessThan(200);
  });
});

describe("a value", () => {
  it.each<[DeviceModelProperty["type"], string, boolean]>([
    ["INT", "0", true],
    ["INT", "-12", true],
    ["INT", "+12", true],
    ["INT", "9223372036854775807", true],
    ["INT", "9223372036854775808", false],
    ["INT", "1e999", false],
    ["INT", "NaN", false],
    ["INT", "0x10", false],
    ["INT", "01", false],
    ["INT", "1.5", false],
    ["INT", " 1", false],
    ["FLOAT", "1.5", true],
    ["FLOAT", ".5e-3", true],
    ["FLOAT", "1e999", false],
    ["DOUBLE", "Infinity", false],
    ["DOUBLE", "NaN", false],
    ["DOUBLE", "0x10", false],
    ["BOOLEAN", "true", true],
    ["BOOLEAN", "yes", false],
    ["BYTES", "\u0000", true],
    ["STREAM", "anything", true],
    [undefined, "anything", true],
  ])("B6 of type %s: %j is taken: %s", (type, value, isTaken) => {
    expect(judgeValue(value, type === undefined ? {} : { type }) === undefined).toBe(isTaken);
  });

  it("is compared exactly where numbers of JavaScript are not", () => {
    const maximum = "9007199254740993";
    expect(judgeValue("9007199254740993", { type: "INT", maximum })).toBeUndefined();
    expect(judgeValue("9007199254740994", { type: "INT", maximum })).toContain("over the maximum");
  });

  it("is bound by decimals, and not by bounds that are no numbers", () => {
    expect(judgeValue("3", { type: "INT", maximum: "2.5" })).toContain("over");
    expect(judgeValue("2", { type: "INT", maximum: "2.5" })).toBeUndefined();
    expect(judgeValue("2", { type: "INT", maximum: "high", minimum: "" })).toBeUndefined();
  });

  it("of any text and bounds is judged without an exception", () => {
    const type = fc.constantFrom("INT" as const, "FLOAT" as const, "BOOLEAN" as const, "STRING" as const);
    fc.assert(
      fc.property(type, fc.string(), fc.string(), fc.string(), (t, value, minimum, maximum) => {
        judgeValue(value, { type: t, minimum, maximum });
      }),
    );
  });

  it("of integers within their bounds is taken, and outside is not", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), fc.maxSafeInteger(), (value, a, b) => {
        const [minimum, maximum] = [Math.min(a, b), Math.max(a, b)];
        const isTaken =
          judgeValue(String(value), { type: "INT", minimum: String(minimum), maximum: String(maximum) }) ===
          undefined;
        expect(isTaken).toBe(value >= minimum && value <= maximum);
      }),
    );
  });
});

describe("bounds of a model", () => {
  it.each([
    { bounds: { minimum: "2", maximum: "1" }, field: "spec.properties[0].minimum" },
    { bounds: { minimum: "low" }, field: "spec.properties[0].minimum" },
    { bounds: { maximum: "1e999" }, field: "spec.properties[0].maximum" },
    { bounds: { minimum: "1", maximum: "1" }, field: undefined },
    { bounds: { minimum: "", maximum: "1" }, field: undefined },
  ])("B7 $bounds", ({ bounds, field }) => {
    const found = unusableBounds({ properties: [{ name: "a", type: "FLOAT", ...bounds }] });
    expect(found.map((fault) => fault.field)).toEqual(field === undefined ? [] : [field]);
  });

  it("of a STRING bind nothing", () => {
    expect(unusableBounds({ properties: [{ name: "a", type: "STRING", minimum: "z" }] })).toEqual([]);
  });
});

describe("hazards of a Device", () => {
  const nested = (levels: number): Record<string, unknown> =>
    levels === 1 ? {} : { inner: nested(levels - 1) };
  it.each<{ id: string; when: string; spec: DeviceSpec; field?: string }>([
    {
      id: "B9",
      when: "a push to a metadata service",
      spec: device({ name: "a", pushMethod: { http: { hostName: "http://169.254.169.254:80" } } }),
      field: "spec.properties[0].pushMethod.http.hostName",
    },
    {
      id: "B9",
      when: "a push to a host",
      spec: device({ name: "a", pushMethod: { http: { hostName: "http://192.0.2.1" } } }),
    },
    ...["#", "+/x", "$SYS/x"].map((topic) => ({
      id: "B10",
      when: `a push to the topic ${topic}`,
      spec: device({ name: "a", pushMethod: { mqtt: { topic } } }),
      field: "spec.properties[0].pushMethod.mqtt.topic",
    })),
    { id: "B12", when: "settings of 32 levels", spec: { protocol: { configData: nested(32) } } },
    {
      id: "B12",
      when: "settings of 33 levels",
      spec: { protocol: { configData: nested(33) } },
      field: "spec.protocol.configData",
    },
    {
      id: "B13",
      when: "settings of 300 KiB",
      spec: device({ name: "a", visitors: { configData: { blob: "x".repeat(300 * 1024) } } }),
      field: "spec.properties[0].visitors.configData",
    },
    ...["__proto__", "constructor", "prototype"].map((key) => ({
      id: "B14",
      when: `a key ${key}`,
      spec: { protocol: { configData: JSON.parse(`{"a":[{"${key}":1}]}`) as Record<string, unknown> } },
      field: "spec.protocol.configData",
    })),
  ])("$id $when", ({ spec, field }) => {
    expect(deviceHazards(spec).map((fault) => fault.field)).toEqual(field === undefined ? [] : [field]);
  });
});
