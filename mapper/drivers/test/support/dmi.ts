// SPDX-License-Identifier: Apache-2.0
// Devices and models as the edge sends them.
import { Device, DeviceModel, toAny } from "@longshore/crds/dmi";
import type { ConfigData, PropertyType } from "@longshore/mapper";

/** One property of a device and of its model. */
export interface DmiProperty {
  readonly name: string;
  readonly type: PropertyType;
  readonly config: ConfigData;
  readonly desired?: string;
}

const dataOf = (config: ConfigData): { data: Record<string, ReturnType<typeof toAny>> } => ({
  data: Object.fromEntries(Object.entries(config).map(([key, value]) => [key, toAny(value)])),
});

/** A device with a model of its own, named as it is. */
export function dmiDevice(
  name: string,
  protocol: { readonly name: string; readonly config: ConfigData },
  properties: readonly DmiProperty[],
  cycleMs = 100,
): { device: Device; model: DeviceModel } {
  const model = DeviceModel.create({
    name,
    namespace: "default",
    spec: {
      properties: properties.map(({ name: property, type, desired }) => ({
        name: property,
        type,
        accessMode: desired === undefined ? "ReadOnly" : "ReadWrite",
      })),
    },
  });
  const device = Device.create({
    name,
    namespace: "default",
    spec: {
      deviceModelReference: name,
      protocol: { protocolName: protocol.name, configData: dataOf(protocol.config) },
      properties: properties.map(({ name: property, config, desired }) => ({
        name: property,
        desired: { value: desired ?? "" },
        visitors: { protocolName: protocol.name, configData: dataOf(config) },
        collectCycle: BigInt(cycleMs),
        reportCycle: BigInt(cycleMs),
        reportToCloud: true,
      })),
    },
    status: { reportToCloud: true, reportCycle: BigInt(cycleMs) },
  });
  return { device, model };
}
