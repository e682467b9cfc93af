// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { DeviceModelSpec } from "@longshore/crds/devices";
import type { Client } from "@longshore/operators/runtime";
import { createDeviceLister, type DeviceLister } from "../../src/device-model/devices.ts";
import { createModelRule } from "../../src/device-model/validate.ts";
import { requestOf } from "../review-of.ts";

const model = (maximum: string): { spec: DeviceModelSpec } => ({
  spec: { properties: [{ name: "interval", type: "INT", maximum }] },
});
const device = (name: string, value: string, modelName = "thermometer") => ({
  metadata: { name },
  spec: { deviceModelRef: { name: modelName }, properties: [{ name: "interval", desired: { value } }] },
});
const listerOf = (items: object[], more?: string): DeviceLister =>
  createDeviceLister(
    { list: () => Promise.resolve({ items, resourceVersion: "1", continue: more }) } as unknown as Client,
    () => undefined,
  );
const update = (to: string, from = "100") =>
  requestOf("DeviceModel", model(to), {
    operation: "UPDATE",
    oldObject: model(from),
    name: "thermometer",
  });
const rule = (devices: DeviceLister = listerOf([]), isStrict = false) =>
  createModelRule({ devices, isStrict });

describe("the rule of DeviceModels", () => {
  it("A15 B5 refuses two properties of one name", async () => {
    const object = { spec: { properties: [{ name: "temperature" }, { name: "temperature" }] } };
    expect(await rule()(requestOf("DeviceModel", object))).toEqual({
      allowed: false,
      code: 422,
      message: "spec.properties[1].name: property names must be unique.",
    });
  });

  it("warns of devices of the model that fitted and no longer do, and of no others", async () => {
    const devices = listerOf([
      device("fits", "10"),
      device("broken", "60"),
      device("was-broken-before", "500"),
      device("of-another-model", "60", "other"),
    ]);
    expect(await rule(devices)(update("50"))).toEqual({
      allowed: true,
      warnings: ["devices that no longer fit this model: broken"],
    });
  });

  it("names a few of many devices, and says when it did not see them all", async () => {
    const many = Array.from({ length: 8 }, (_, index) => device(`d${index}`, "60"));
    const { warnings } = await rule(listerOf(many, "more"))(update("50"));
    expect(warnings).toEqual([
      "devices that no longer fit this model: d0, d1, d2, d3, d4 and 3 more",
      "this namespace has more devices than were compared with the model",
    ]);
  });

  it("A12 takes a changed maximum, without a word when nothing is wrong with it", async () => {
    expect(await rule(listerOf([device("d", "60")]))(update("200"))).toEqual({ allowed: true });
  });

  it("takes a model with a warning when the devices cannot be read, and counts that", async () => {
    const failures: unknown[] = [];
    const client = { list: () => Promise.reject(new Error("away")) } as unknown as Client;
    const devices = createDeviceLister(client, (error) => failures.push(error));
    const verdict = await rule(devices)(update("50"));
    expect(verdict).toMatchObject({
      allowed: true,
      warnings: [expect.stringContaining("could not be read")],
    });
    expect(failures).toHaveLength(1);
  });

  it.each([false, true])(
    "B7 warns of a minimum over the maximum, and refuses it when strict is %s",
    async (s) => {
      const spec = { properties: [{ name: "a", type: "INT" as const, minimum: "2", maximum: "1" }] };
      const verdict = await rule(listerOf([]), s)(requestOf("DeviceModel", { spec }));
      expect(verdict.allowed).toBe(!s);
      expect(s ? verdict.message : verdict.warnings?.[0]).toBe(
        'spec.properties[0].minimum: "2" is over the maximum "1"',
      );
    },
  );

  it.each<{ id: string; what: string; spec: DeviceModelSpec; code: number }>([
    {
      id: "B4",
      what: "spec.properties: 1001",
      spec: { properties: Array.from({ length: 1_001 }, (_, index) => ({ name: `p${index}` })) },
      code: 422,
    },
    { id: "B11", what: "secretRef", spec: { protocolConfigData: { password: "hunter2" } }, code: 422 },
    { id: "B13", what: "bytes", spec: { protocolConfigData: { blob: "x".repeat(300 * 1024) } }, code: 413 },
  ])(
    "$id warns of what KubeEdge takes, and refuses it with $code when strict",
    async ({ what, spec, code }) => {
      const request = requestOf("DeviceModel", { spec });
      const compatible = await rule()(request);
      expect(compatible.allowed).toBe(true);
      expect(compatible.warnings?.join()).toContain(what);
      const message = expect.stringContaining(what) as unknown;
      expect(await rule(listerOf([]), true)(request)).toMatchObject({ allowed: false, code, message });
    },
  );

  it("A19 warns of devices whose methods set what can now only be read", async () => {
    const spec = (accessMode: "ReadOnly" | "ReadWrite") => ({
      spec: { properties: [{ name: "interval", accessMode }] },
    });
    const methods = [{ name: "setValue", propertyNames: ["interval"] }];
    const devices = listerOf([
      { metadata: { name: "d" }, spec: { deviceModelRef: { name: "thermometer" }, methods } },
    ]);
    const request = { operation: "UPDATE", oldObject: spec("ReadWrite"), name: "thermometer" } as const;
    expect(await rule(devices)(requestOf("DeviceModel", spec("ReadOnly"), request))).toEqual({
      allowed: true,
      warnings: ["devices that no longer fit this model: d"],
    });
  });

  it("does not judge what an update leaves as it was", async () => {
    const object = { spec: { properties: [{ name: "a" }, { name: "a" }] } };
    const request = requestOf("DeviceModel", object, { operation: "UPDATE", oldObject: object });
    expect(await rule()(request)).toEqual({ allowed: true });
  });
});
