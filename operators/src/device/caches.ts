// SPDX-License-Identifier: Apache-2.0
import { kinds, type Kind } from "@longshore/crds/kinds";
import { EDGE_NODES, type Selection } from "../placement/index.ts";
import type { Cache, Informer, KubeObject, Resource } from "../runtime/index.ts";
import type { DeviceCaches } from "./placement.ts";
import {
  trimDevice,
  trimDeviceStatus,
  trimModel,
  type TrimmedDevice,
  type TrimmedModel,
} from "./transform.ts";

const resourceOf = ({ group, version, plural, kind, namespaced }: Kind): Resource => ({
  ...{ group, version, plural, kind, namespaced },
});

/** What is watched, and what is kept of it. */
export const selections: {
  readonly device: Selection<TrimmedDevice>;
  readonly devicemodel: Selection<TrimmedModel>;
  readonly devicestatus: Selection<KubeObject>;
} = {
  device: { resource: resourceOf(kinds.Device), transform: trimDevice },
  devicemodel: { resource: resourceOf(kinds.DeviceModel), transform: trimModel },
  // The reports of all devices would come along with the content.
  devicestatus: {
    resource: resourceOf(kinds.DeviceStatus),
    metadataOnly: true,
    transform: trimDeviceStatus,
  },
};

export interface Informers {
  readonly device: Informer<TrimmedDevice>;
  readonly devicemodel: Informer<TrimmedModel>;
  readonly devicestatus: Informer;
}

/** Informers of the device scope, with the indexes that placement reads by. */
export function createDeviceCaches(cache: Cache): {
  informers: Informers;
  caches: Omit<DeviceCaches, "isHeld">;
} {
  const open = <T extends KubeObject>({ resource, ...options }: Selection<T>): Informer<T> =>
    cache.informer<T>(resource, options);
  const nodes = open(EDGE_NODES);
  const informers: Informers = {
    device: open(selections.device),
    devicemodel: open(selections.devicemodel),
    devicestatus: open(selections.devicestatus),
  };
  informers.device.addIndex("nodeName", ({ nodeName }) => (nodeName === "" ? [] : [nodeName]));
  informers.device.addIndex("deviceModelRef", ({ metadata, modelName }) =>
    modelName === "" ? [] : [`${metadata.namespace ?? ""}/${modelName}`],
  );
  const caches: Omit<DeviceCaches, "isHeld"> = {
    hasNode: (name) => nodes.get({ name }) !== undefined,
    devicesOn: (node) => informers.device.byIndex("nodeName", node),
    devicesOf: (namespace, model) => informers.device.byIndex("deviceModelRef", `${namespace}/${model}`),
    model: (namespace, name) => informers.devicemodel.get({ namespace, name }),
  };
  return { informers, caches };
}
