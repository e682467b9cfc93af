// SPDX-License-Identifier: Apache-2.0
import type { Device, DeviceModel } from "@longshore/crds/devices";

/** A model with a temperature and a switch, as in the recordings. */
export function model(name = "m", maximum = "100"): DeviceModel {
  return {
    apiVersion: "devices.kubeedge.io/v1beta1",
    kind: "DeviceModel",
    metadata: { name, namespace: "default", uid: `uid-${name}`, resourceVersion: "1" },
    spec: {
      protocol: "thermo",
      properties: [
        {
          name: "temperature",
          description: "t",
          type: "INT",
          accessMode: "ReadWrite",
          minimum: "-40",
          maximum,
          unit: "C",
        },
        { name: "on", type: "BOOLEAN", accessMode: "ReadOnly" },
      ],
    },
  };
}

type Spec = NonNullable<Device["spec"]>;

/** The device of the recordings. */
export function device(
  desired = "20",
  extra: { name?: string; uid?: string; spec?: Partial<Spec> } = {},
): Device {
  const { name = "d1", uid = `uid-${name}`, spec = {} } = extra;
  return {
    apiVersion: "devices.kubeedge.io/v1beta1",
    kind: "Device",
    metadata: { name, namespace: "default", uid, resourceVersion: "1" },
    spec: {
      deviceModelRef: { name: "m" },
      nodeName: "edge-1",
      stateReport: { reportToCloud: true, reportCycle: 5000 },
      protocol: {
        protocolName: "thermo",
        configData: { host: "10.0.0.9", port: 502, ratio: 0.5, tls: true, unitId: 1 },
      },
      properties: [
        {
          name: "temperature",
          desired: { value: desired },
          visitors: {
            protocolName: "thermo",
            configData: { register: "holding", offset: 2, scale: 0.1, swap: false, dataType: "int" },
          },
          collectCycle: 1000,
          reportCycle: 1000,
          reportToCloud: true,
          pushMethod: { mqtt: { address: "tcp://127.0.0.1:1883", topic: "temp", qos: 0, retained: false } },
        },
        {
          name: "on",
          visitors: {
            protocolName: "thermo",
            configData: { register: "coil", offset: 0, dataType: "boolean" },
          },
          collectCycle: 2000,
          reportCycle: 2000,
        },
      ],
      methods: [{ name: "setValue", description: "sets", propertyNames: ["temperature"] }],
      ...spec,
    },
  };
}
