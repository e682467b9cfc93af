// SPDX-License-Identifier: Apache-2.0

type Fields = Readonly<Record<string, unknown>>;

export interface ModelWish {
  readonly namespace: string;
  readonly name: string;
  readonly protocol?: string;
  readonly protocolConfigData?: Fields;
  /** By name: type, accessMode, minimum, visitors … ReadWrite INT unless it says otherwise. */
  readonly properties: Readonly<Record<string, Fields>>;
}

/** A DeviceModel, as JSON for kubectl. */
export const model = ({ namespace, name, properties, protocol, protocolConfigData }: ModelWish): string =>
  JSON.stringify({
    apiVersion: "devices.kubeedge.io/v1beta1",
    kind: "DeviceModel",
    metadata: { name, namespace },
    spec: {
      ...{ protocol, protocolConfigData },
      properties: Object.entries(properties).map(([property, fields]) => ({
        ...{ name: property, type: "INT", accessMode: "ReadWrite" },
        ...fields,
      })),
    },
  });

export interface InstanceWish {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly model: string;
  readonly protocol: string;
  readonly configData?: Fields;
  /** By name: what differs from a property that is read each 200 ms and reported each 500 ms. */
  readonly properties: Readonly<Record<string, Fields>>;
  readonly methods?: readonly Fields[];
  /** Its state is told each second; default true. */
  readonly reportsState?: boolean;
}

/** A Device, as JSON for kubectl. */
export const instance = (wish: InstanceWish): string =>
  JSON.stringify({
    apiVersion: "devices.kubeedge.io/v1beta1",
    kind: "Device",
    metadata: { name: wish.name, namespace: wish.namespace },
    spec: {
      deviceModelRef: { name: wish.model },
      nodeName: wish.node,
      protocol: { protocolName: wish.protocol, configData: wish.configData ?? {} },
      stateReport: { reportToCloud: wish.reportsState ?? true, reportCycle: 1000 },
      methods: wish.methods ?? [],
      properties: Object.entries(wish.properties).map(([name, fields]) => ({
        ...{ name, collectCycle: 200, reportCycle: 500, reportToCloud: true },
        ...fields,
      })),
    },
  });

/** `visitors` of a property. */
export const at = (protocolName: string, configData: Fields): Fields => ({
  visitors: { protocolName, configData },
});
