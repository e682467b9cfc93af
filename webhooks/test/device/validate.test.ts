// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { DeviceModelSpec, DeviceProperty, DeviceSpec } from "@longshore/crds/devices";
import fc from "fast-check";
import type { ModelAnswer, ModelReader } from "../../src/device/models.ts";
import { createDeviceRule } from "../../src/device/validate.ts";
import { requestOf } from "../review-of.ts";

const MODEL: DeviceModelSpec = {
  properties: [
    { name: "temperature", type: "INT", accessMode: "ReadOnly" },
    { name: "interval", type: "INT", accessMode: "ReadWrite", minimum: "1", maximum: "100" },
  ],
};
const device = (...properties: DeviceProperty[]) => ({
  spec: { deviceModelRef: { name: "thermometer" }, properties },
});
const over = device({ name: "interval", desired: { value: "500" } });
const many = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `p${index}` }));
const nested = (levels: number): Record<string, unknown> =>
  levels === 1 ? {} : { inner: nested(levels - 1) };
const blob = "x".repeat(300 * 1024);

/** Answers in turn: cached first, then fresh. */
class Models implements ModelReader {
  readonly reads: boolean[] = [];
  readonly #cached: ModelAnswer;
  readonly #fresh: ModelAnswer;
  constructor(cached: ModelAnswer, fresh: ModelAnswer = cached) {
    this.#cached = cached;
    this.#fresh = fresh;
  }
  read(_namespace: string, _name: string, { isFresh = false } = {}): Promise<ModelAnswer> {
    this.reads.push(isFresh);
    return Promise.resolve(isFresh ? this.#fresh : this.#cached);
  }
}
const rule = (models: ModelReader = new Models(MODEL), isStrict = false) =>
  createDeviceRule({ models, isStrict });

describe("the rule of Devices", () => {
  it.each([
    {
      when: "a property is not in the model",
      object: device({ name: "humidity" }),
      message: 'spec.properties[0].name: the DeviceModel "thermometer" has no property "humidity"',
    },
    {
      when: "a value is over the maximum",
      object: over,
      message: 'spec.properties[0].desired.value: "500" is over the maximum 100',
    },
    {
      when: "a value is wanted of what can only be read",
      object: device({ name: "temperature", desired: { value: "1" } }),
      message: 'spec.properties[0].desired: the property "temperature" is ReadOnly in its DeviceModel',
    },
    {
      when: "two properties have one name",
      object: device({ name: "temperature" }, { name: "temperature" }),
      message: "spec.properties[1].name: property names must be unique.",
    },
  ])("A15 refuses with the field when $when", async ({ object, message }) => {
    expect(await rule()(requestOf("Device", object))).toEqual({ allowed: false, code: 422, message });
  });

  it.each([
    { when: "has none", spec: {}, says: "spec.deviceModelRef: missing", models: new Models(MODEL) },
    { when: "is not there", spec: over.spec, says: "no such DeviceModel", models: new Models("missing") },
    { when: "is out of reach", spec: over.spec, says: "could not be read", models: new Models("unknown") },
    {
      when: "was deleted since",
      spec: over.spec,
      says: "no such DeviceModel",
      models: new Models(MODEL, "missing"),
    },
  ])("A15 B3 admits with a warning a Device whose model $when", async ({ spec, says, models }) => {
    const verdict = await rule(models)(requestOf("Device", { spec }));
    expect(verdict.allowed).toBe(true);
    expect(verdict.warnings).toEqual([expect.stringContaining(says)]);
  });

  it("admits what fits without a word, and without asking twice", async () => {
    const models = new Models(MODEL);
    const object = device({ name: "temperature" }, { name: "interval", desired: { value: "5" } });
    expect(await rule(models)(requestOf("Device", object))).toEqual({ allowed: true });
    expect(models.reads).toEqual([false]);
  });

  it("does not refuse by what it remembers of a model: it reads that again first", async () => {
    const models = new Models(MODEL, { properties: [{ name: "interval", type: "INT", maximum: "1000" }] });
    expect(await rule(models)(requestOf("Device", over))).toEqual({ allowed: true });
    expect(models.reads).toEqual([false, true]);
  });

  it.each([
    { when: "labels change", object: { metadata: { labels: { a: "b" } }, ...over } },
    { when: "a finalizer is removed", object: { metadata: { finalizers: [] }, ...over } },
    { when: "status changes", object: { status: { state: "online" }, ...over } },
    {
      when: "it is being deleted",
      object: {
        metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" },
        spec: { ...over.spec, nodeName: "other" },
      },
    },
  ])("never judges an old spec when only $when", async ({ object }) => {
    const models = new Models(MODEL);
    const request = requestOf("Device", object, { operation: "UPDATE", oldObject: over });
    expect(await rule(models)(request)).toEqual({ allowed: true });
    expect(models.reads).toEqual([]);
  });

  it("judges an update that changes the spec", async () => {
    const oldObject = device({ name: "interval", desired: { value: "5" } });
    const verdict = await rule()(requestOf("Device", over, { operation: "UPDATE", oldObject }));
    expect(verdict.allowed).toBe(false);
  });

  it("allows every deletion", async () => {
    const request = requestOf("Device", {}, { operation: "DELETE", oldObject: over });
    expect(await rule()(request)).toEqual({ allowed: true });
  });

  it.each([
    { id: "B1", what: "nodeName", spec: { nodeName: "../../x" }, code: 422 },
    { id: "B2", what: "nodeName", spec: { nodeName: "NODE1" }, code: 422 },
    { id: "B4", what: "spec.properties: 1001", spec: device(...many(1_001)).spec, code: 422 },
    {
      id: "B8",
      what: "collectCycle",
      spec: device({ name: "interval", collectCycle: 10_000_000_000 }).spec,
      code: 422,
    },
    {
      id: "B9",
      what: "pushMethod.http.hostName",
      spec: device({ name: "interval", pushMethod: { http: { hostName: "169.254.169.254" } } }).spec,
      code: 422,
    },
    {
      id: "B10",
      what: "pushMethod.mqtt.topic",
      spec: device({ name: "interval", pushMethod: { mqtt: { topic: "#" } } }).spec,
      code: 422,
    },
    { id: "B11", what: "secretRef", spec: { protocol: { configData: { password: "hunter2" } } }, code: 422 },
    { id: "B12", what: "levels", spec: { protocol: { configData: nested(33) } }, code: 422 },
    { id: "B13", what: "bytes", spec: { protocol: { configData: { blob } } }, code: 413 },
    {
      id: "B13",
      what: "bytes",
      spec: { protocol: { configData: { blob } }, properties: [{ name: "interval", collectCycle: 0 }] },
      code: 422,
    },
    {
      id: "B14",
      what: "constructor",
      spec: { protocol: { configData: { constructor: "x" } } },
      code: 422,
    },
  ])(
    "$id warns of what KubeEdge takes, and refuses it with $code when strict",
    async ({ what, spec, code }) => {
      const names = (spec as DeviceSpec).properties?.map(({ name = "" }) => ({ name })) ?? [];
      const models = new Models({ properties: names });
      const request = requestOf("Device", { spec: { deviceModelRef: { name: "thermometer" }, ...spec } });
      const compatible = await rule(models)(request);
      expect(compatible.allowed).toBe(true);
      expect(compatible.warnings?.join()).toContain(what);
      const strict = await rule(models, true)(request);
      expect(strict).toMatchObject({
        allowed: false,
        code,
        message: expect.stringContaining(what) as unknown,
      });
      expect(strict.warnings).toBeUndefined();
    },
  );

  it("B13 is invalid content when that is not all: what does not fit its model is refused with 422", async () => {
    const spec = { ...over.spec, protocol: { configData: { blob } } };
    expect(await rule(new Models(MODEL), true)(requestOf("Device", { spec }))).toMatchObject({ code: 422 });
  });

  it.each([
    { name: "humidity", says: 'the DeviceModel "thermometer" has no property "humidity"' },
    { name: "temperature", says: 'the property "temperature" is ReadOnly in its DeviceModel' },
  ])("A19 refuses a method that sets $name, in either mode", async ({ name, says }) => {
    const methods = [{ name: "setValue", propertyNames: ["interval", name] }];
    const request = requestOf("Device", { spec: { ...device().spec, methods } });
    const message = `spec.methods[0].propertyNames[1]: ${says}`;
    for (const isStrict of [false, true]) {
      expect(await rule(new Models(MODEL), isStrict)(request)).toEqual({
        allowed: false,
        code: 422,
        message,
      });
    }
  });

  it("judges v1alpha2 by its names alone", async () => {
    const old = (...names: string[]) =>
      requestOf(
        "Device",
        { spec: { propertyVisitors: names.map((propertyName) => ({ propertyName })) } },
        { kind: { group: "devices.kubeedge.io", version: "v1alpha2", kind: "Device" } },
      );
    const models = new Models("missing");
    expect(await rule(models)(old("a", "b"))).toEqual({ allowed: true });
    expect(await rule(models)(old("a", "a"))).toMatchObject({
      message: "spec.propertyVisitors[1].propertyName: property names must be unique.",
    });
    expect(models.reads).toEqual([]);
  });

  it("tells at most ten faults, and how many more there are", async () => {
    const object = device(...Array.from({ length: 25 }, (_, index) => ({ name: `p${index}` })));
    const { message = "" } = await rule()(requestOf("Device", object));
    expect(message.split("; ")).toHaveLength(11);
    expect(message).toContain("and 15 more");
  });

  it("B33 says the same of a dry run", async () => {
    const request = requestOf("Device", over);
    expect(await rule()({ ...request, dryRun: true })).toEqual(await rule()(request));
  });

  it("is decided for any properties that the schema lets through", async () => {
    const text = fc.string({ unit: "binary" });
    const property = fc.record(
      { name: text, desired: fc.record({ value: text }), reportCycle: fc.integer() },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(property), async (properties) => {
        const object = device(...(properties as DeviceProperty[]));
        const verdict = await rule()(requestOf("Device", object));
        expect(typeof verdict.allowed).toBe("boolean");
      }),
    );
  });
});
