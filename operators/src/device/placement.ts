// SPDX-License-Identifier: Apache-2.0
import type { Ref } from "../delivery/outbox.ts";
import type { Placement } from "../delivery/placement.ts";
import { refOf, type Trimmed } from "../placement/index.ts";
import type { TrimmedDevice } from "./transform.ts";

/** What the cluster has, as far as the device scope goes. */
export interface DeviceCaches {
  /** Is there a Node of this name, and is it one of ours? */
  hasNode(name: string): boolean;
  devicesOn(node: string): readonly TrimmedDevice[];
  /** Devices of a model's namespace that refer to it. */
  devicesOf(namespace: string, model: string): readonly TrimmedDevice[];
  model(namespace: string, name: string): Trimmed | undefined;
  /** Another node may hold the device still: it is not to be on this one yet. */
  isHeld(device: TrimmedDevice): boolean;
}

/** Something happened to one of these, in one of its states. */
export type DeviceEvent =
  | { readonly kind: "node"; readonly object: Trimmed }
  | { readonly kind: "device"; readonly object: TrimmedDevice }
  | { readonly kind: "devicemodel"; readonly object: Trimmed };

/** Devices go where `spec.nodeName` says, with the models that they refer to, as far as those exist. */
export const devicePlacement: Placement<DeviceEvent, DeviceCaches> = {
  scope: "device",
  nodesOf: (event, caches) => nodesOf(event, caches).filter((node) => caches.hasNode(node)),
  refsOf(node, caches) {
    const devices = caches.devicesOn(node).filter((device) => !caches.isHeld(device));
    return [...modelsOf(devices, caches), ...devices.map((device) => refOf("device", device))];
  },
};

function nodesOf(event: DeviceEvent, caches: DeviceCaches): string[] {
  const { namespace = "", name } = event.object.metadata;
  if (event.kind === "node") return [name];
  if (event.kind === "device") return [event.object.nodeName];
  return [...new Set(caches.devicesOf(namespace, name).map((device) => device.nodeName))];
}

function modelsOf(devices: readonly TrimmedDevice[], caches: DeviceCaches): Ref[] {
  const found = new Map<string, Ref>();
  for (const { metadata, modelName } of devices) {
    const { namespace = "" } = metadata;
    const model = caches.model(namespace, modelName);
    if (model !== undefined) found.set(`${namespace}/${modelName}`, refOf("devicemodel", model));
  }
  return [...found.values()];
}
