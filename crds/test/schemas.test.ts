// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from "@jest/globals";
import { Ajv } from "ajv";
import * as apps from "../src/apps/v1alpha1/index.ts";
import * as devices from "../src/devices/v1beta1/index.ts";
import * as oldDevices from "../src/devices/v1alpha2/index.ts";
import * as operations from "../src/operations/v1alpha2/index.ts";
import * as oldOperations from "../src/operations/v1alpha1/index.ts";
import * as policy from "../src/policy/v1alpha1/index.ts";
import * as reliablesyncs from "../src/reliablesyncs/v1alpha1/index.ts";
import * as rules from "../src/rules/v1/index.ts";
import { examples } from "./examples.ts";

const current = { ...apps.schemas, ...devices.schemas, ...operations.schemas };
const stored = { ...current, ...policy.schemas, ...reliablesyncs.schemas, ...rules.schemas };
const old = [oldDevices.schemas, oldOperations.schemas];

describe("generated schemas", () => {
  const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true });

  test("ajv in strict mode takes every one of them", () => {
    const all = [stored, ...old].flatMap((schemas) => Object.values(schemas));
    expect(all).toHaveLength(18);
    for (const schema of all) expect(() => ajv.compile(schema)).not.toThrow();
  });

  test.each(examples)("a $kind as KubeEdge's users write it passes", ({ kind, object }) => {
    const validate = ajv.compile(stored[kind] ?? false);
    expect({ valid: validate(object), errors: validate.errors }).toEqual({ valid: true, errors: null });
  });

  test.each([
    ["Device", { spec: { properties: [{ desired: {} }] } }, "/spec/properties/0/desired"],
    ["DeviceModel", { spec: { properties: [{ type: "int" }] } }, "/spec/properties/0/type"],
    ["RuleEndpoint", { spec: { ruleEndpointType: "smoke" } }, "/spec/ruleEndpointType"],
    ["ConfigUpdateJob", { spec: { updateFields: { a: "x; reboot" } } }, "/spec/updateFields/a"],
    ["NodeGroup", {}, ""],
  ])("a %s with a fault is refused where the fault is", (kind, object, instancePath) => {
    const validate = ajv.compile(stored[kind] ?? true);
    expect(validate(object)).toBe(false);
    expect(validate.errors?.map((error) => error.instancePath)).toEqual([instancePath]);
  });
});
