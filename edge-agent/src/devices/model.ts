// SPDX-License-Identifier: Apache-2.0
import type { Device, DeviceModel } from "@longshore/crds/devices";
import { DEVICE_BATCH_LIMITS } from "@longshore/crds/wire";

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

/** No hub takes other names: one of them would cost the device its whole report. */
const isName = (name: string | undefined): name is string =>
  typeof name === "string" && name !== "" && name.length <= DEVICE_BATCH_LIMITS.nameChars;

/** Empty where the cloud stored something that is not as its definition says. */
const listOf = <T>(list: readonly T[] | undefined): readonly (T | null | undefined)[] =>
  Array.isArray(list) ? (list as readonly T[]) : [];

/** Names of the properties that this device has, by its own list, and can report. */
export const propertyNames = (device: Device): ReadonlySet<string> =>
  new Set(listOf(device.spec?.properties).flatMap((one) => (isName(one?.name) ? [one.name] : [])));

/** The protocol that decides which mapper serves a device; the model's where the device names none. */
export const protocolOf = (device: Device, model: DeviceModel | undefined): string =>
  device.spec?.protocol?.protocolName || (model?.spec?.protocol ?? "");

/** An error's own words, for a log. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : "unknown failure";
