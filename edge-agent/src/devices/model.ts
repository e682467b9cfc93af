// SPDX-License-Identifier: Apache-2.0
import type { Device, DeviceModel } from "@longshore/crds/devices";

/** A device or a model, as mappers know it: by namespace and name. */
export interface ItemId {
  readonly kind: "device" | "devicemodel";
  readonly namespace: string;
  readonly name: string;
}

/** `device/<namespace>/<name>`: the key of the store, too. */
export const itemKey = ({ kind, namespace, name }: ItemId): string => `${kind}/${namespace}/${name}`;

/** `<namespace>/<name>` of a device, in records and queues. */
export const deviceKey = (namespace: string, name: string): string => `${namespace}/${name}`;

/** Names of the properties that this device has, by its own list. */
export const propertyNames = (device: Device): ReadonlySet<string> =>
  new Set((device.spec?.properties ?? []).flatMap(({ name }) => (name === undefined ? [] : [name])));

/** The protocol that decides which mapper serves a device; the model's where the device names none. */
export const protocolOf = (device: Device, model: DeviceModel | undefined): string =>
  device.spec?.protocol?.protocolName || (model?.spec?.protocol ?? "");

/** An error's own words, for a log. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : "unknown failure";
