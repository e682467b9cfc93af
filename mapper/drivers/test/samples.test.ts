// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import type { ConfigData, Property, PropertyType } from "@longshore/mapper";
import { parseAllDocuments } from "yaml";
import { itemOf } from "../src/camera/item.ts";
import { sourceOf } from "../src/camera/source.ts";
import { streamPlanOf } from "../src/camera/stream.ts";
import { placeOf as modbusPlace } from "../src/modbus/place.ts";
import { pointOf as modbusPoint } from "../src/modbus/point.ts";
import { placeOf as mqttPlace } from "../src/mqtt/place.ts";
import { pointOf as mqttPoint } from "../src/mqtt/point.ts";
import { nodeIdOf, targetOf } from "../src/opcua/target.ts";
import { behaviorOf } from "../src/virtual/behavior.ts";
import { aProperty } from "./support/gen.ts";

interface Visited {
  readonly name: string;
  readonly visitors?: { readonly configData: ConfigData };
}
interface Model {
  readonly kind: "DeviceModel";
  readonly spec: {
    readonly properties: readonly (Visited & { readonly type: PropertyType; readonly accessMode: string })[];
  };
}
interface Instance {
  readonly kind: "Device";
  readonly spec: {
    readonly protocol: { readonly configData: ConfigData };
    readonly properties: readonly Visited[];
  };
}

const READERS: Readonly<
  Record<string, { place(config: ConfigData): unknown; point(property: Property): unknown }>
> = {
  camera: {
    place: sourceOf,
    point: (property) => (property.name.startsWith("save") ? streamPlanOf(property) : itemOf(property)),
  },
  modbus: { place: modbusPlace, point: modbusPoint },
  mqtt: { place: mqttPlace, point: mqttPoint },
  opcua: { place: targetOf, point: nodeIdOf },
  virtual: { place: (config) => config, point: behaviorOf },
};

describe("the samples of mappers", () => {
  it.each(Object.keys(READERS))("are understood by the mapper: %s", (protocol) => {
    const file = new URL(`../../../config/samples/mapper_${protocol}.yaml`, import.meta.url);
    const all = parseAllDocuments(readFileSync(file, "utf8")).map((each) => each.toJS() as Model | Instance);
    const model = all.find((each) => each.kind === "DeviceModel");
    const devices = all.filter((each) => each.kind === "Device");
    expect(devices.length).toBeGreaterThan(0);
    for (const { spec } of devices) {
      READERS[protocol]?.place(spec.protocol.configData);
      for (const { name, visitors } of spec.properties) {
        const modelled = model?.spec.properties.find((each) => each.name === name);
        if (modelled === undefined) throw new Error(`${name} is not in the model`);
        const config = { ...modelled.visitors?.configData, ...visitors?.configData };
        const change = { name, type: modelled.type, writable: modelled.accessMode === "ReadWrite" };
        expect(READERS[protocol]?.point(aProperty(config, change))).toBeDefined();
      }
    }
  });
});
