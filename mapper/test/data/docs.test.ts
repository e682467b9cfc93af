// SPDX-License-Identifier: Apache-2.0
// What docs/data-plane.md says is what is done.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { schemas, type Device, type DeviceModel, type DeviceProperty } from "@longshore/crds/devices";
import { PushMethod } from "@longshore/crds/dmi";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { deviceMessage } from "../../../edge-agent/src/devices/to-mapper/message.ts";
import { secretFileName } from "../../src/data/secrets.ts";
import { planPush } from "../../src/data/target.ts";

const TEXT = readFileSync(join(import.meta.dirname, "../../../docs/data-plane.md"), "utf8");
const BLOCKS = [...TEXT.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(
  ([, text = ""]) => parse(text) as unknown,
);

type Push = NonNullable<DeviceProperty["pushMethod"]>;
const whole = BLOCKS.find((block): block is Device => (block as { kind?: string }).kind === "Device");
const pushes = BLOCKS.flatMap((block) => (block as { pushMethod?: Push }).pushMethod ?? []);

const deviceWith = (pushMethod: Push): Device => {
  if (!whole) throw new Error("the document has no Device");
  return { ...whole, spec: { ...whole.spec, properties: [{ name: "temperature", pushMethod }] } };
};
const model: DeviceModel = {
  ...{ apiVersion: "devices.kubeedge.io/v1beta1", kind: "DeviceModel", metadata: { name: "thermometer" } },
  spec: { properties: [{ name: "temperature", type: "FLOAT", accessMode: "ReadOnly" }] },
} as DeviceModel;
const planOf = (device: Device) =>
  planPush(PushMethod.fromPartial(deviceMessage(device, model).spec?.properties[0]?.pushMethod ?? {}));

describe("docs/data-plane.md", () => {
  it("shows a Device, and a push method of every kind, that the schema takes", () => {
    const ajv = new Ajv({ strict: false, allErrors: true });
    const { Device: schema } = schemas;
    if (!schema) throw new Error("there is no schema of a Device");
    const check = ajv.compile(schema);
    for (const device of [whole, ...pushes.map(deviceWith)]) {
      check(device);
      expect(check.errors ?? []).toEqual([]);
    }
  });

  it("shows push methods that are carried out, of every kind", () => {
    const kinds = pushes.flatMap((push) => {
      const { targets, refused } = planOf(deviceWith(push));
      expect(refused).toEqual([]);
      return targets.map(({ kind }) => kind);
    });
    expect(kinds).toEqual(["http", "mqtt", "otel", "influxdb2", "redis", "mysql", "tdengine"]);
  });

  it("names files of credentials as they are looked for", () => {
    for (const push of pushes) {
      const [target] = planOf(deviceWith(push)).targets;
      if (!target) throw new Error("nothing is planned");
      const names = ["token", "username", "password"].map((name) =>
        secretFileName(target.kind, target.endpoint, name),
      );
      expect(names.some((name) => TEXT.includes(`\`${name}\``))).toBe(true);
    }
  });
});
