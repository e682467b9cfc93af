// SPDX-License-Identifier: Apache-2.0
import { controllerOf, type KubeObject, type OwnerReference } from "../runtime/index.ts";

/** What is to be done about the DeviceStatus of a device. */
export type StatusAction =
  | { readonly do: "nothing" }
  | { readonly do: "create" }
  /** It belonged to a device of that name that is gone: what it says is not about this one. */
  | { readonly do: "replace"; readonly uid: string; readonly ownerUid: string }
  /** Somebody made it by hand; its content stays. */
  | { readonly do: "adopt" }
  /** Another object controls it. */
  | { readonly do: "leave"; readonly rival: string };

/** @param status the DeviceStatus of the device's name */
export function planStatus(device: KubeObject, status: KubeObject | undefined): StatusAction {
  if (device.metadata.deletionTimestamp !== undefined) return { do: "nothing" };
  if (status === undefined) return { do: "create" };
  if (status.metadata.deletionTimestamp !== undefined) return { do: "nothing" };
  const owners = status.metadata.ownerReferences ?? [];
  const controller = owners.find((owner) => owner.controller === true);
  const former = owners.find(
    ({ kind, name, uid }) =>
      kind === "Device" && name === device.metadata.name && uid !== device.metadata.uid,
  );
  if (controller?.uid === device.metadata.uid) return { do: "nothing" };
  if (former !== undefined) return { do: "replace", uid: status.metadata.uid, ownerUid: former.uid };
  if (controller !== undefined) return { do: "leave", rival: `${controller.kind} ${controller.name}` };
  return { do: "adopt" };
}

/**
 * @param status the DeviceStatus of a name that no device is known by
 * @returns the device that it belonged to, without which it is to go; undefined for one that is not a device's
 */
export function deviceBehind(status: KubeObject | undefined): OwnerReference | undefined {
  if (status === undefined || status.metadata.deletionTimestamp !== undefined) return undefined;
  const owner = controllerOf(status);
  const isDevice = owner?.kind === "Device" && owner.apiVersion.startsWith("devices.kubeedge.io/");
  return isDevice && owner.name === status.metadata.name ? owner : undefined;
}
