// SPDX-License-Identifier: Apache-2.0
import { Device, DeviceModel, toAny, type DeepPartial } from "@longshore/crds/dmi";
import type { MapperLog } from "@longshore/mapper";

/** A model of two properties: a reading and something to set. */
export const aModel = (change: { name?: string; maximum?: string } = {}): DeviceModel =>
  DeviceModel.create({
    name: change.name ?? "thermometer",
    namespace: "default",
    spec: {
      properties: [
        { name: "temperature", type: "FLOAT", accessMode: "ReadOnly" },
        {
          name: "target",
          type: "INT",
          accessMode: "ReadWrite",
          minimum: "-40",
          maximum: change.maximum ?? "100",
        },
      ],
    },
  });

type DmiProperty = NonNullable<Device["spec"]>["properties"][number];
type DmiMethod = NonNullable<Device["spec"]>["methods"][number];

/** A device of that model, as the edge sends it. */
export function aDevice(
  change: {
    name?: string;
    target?: string;
    host?: string;
    model?: string;
    collectCycle?: bigint;
    reportCycle?: bigint;
    stateCycle?: bigint;
    properties?: DeepPartial<DmiProperty>[];
    methods?: DmiMethod[];
  } = {},
): Device {
  const cycles = { collectCycle: change.collectCycle ?? 1000n, reportCycle: change.reportCycle ?? 5000n };
  const visitors = { protocolName: "virtual", configData: { data: {} } };
  return Device.create({
    name: change.name ?? "hall",
    namespace: "default",
    spec: {
      deviceModelReference: change.model ?? "thermometer",
      protocol: { protocolName: "virtual", configData: { data: { host: toAny(change.host ?? "a") } } },
      properties: change.properties ?? [
        { name: "temperature", desired: {}, visitors, ...cycles, reportToCloud: true },
        { name: "target", desired: { value: change.target ?? "" }, visitors, ...cycles, reportToCloud: true },
      ],
      methods: change.methods ?? [],
    },
    ...statusOf(change.stateCycle),
  });
}

const statusOf = (stateCycle: bigint | undefined) =>
  stateCycle === undefined ? {} : { status: { reportToCloud: true, reportCycle: stateCycle } };

/** A log that remembers its lines. */
export function aLog(): MapperLog & { readonly lines: { level: string; message: string; fields: object }[] } {
  const lines: { level: string; message: string; fields: object }[] = [];
  const at =
    (level: string) =>
    (fields: object, message = ""): void => {
      lines.push({ level, message, fields });
    };
  return {
    lines,
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
  };
}
