// SPDX-License-Identifier: Apache-2.0
import type { Device } from "@longshore/crds/dmi";

/** Namespace of what says none. */
export const namespaceOf = (namespace: string): string => namespace || "default";

/** `namespace/name`, the identity of a device or model. */
export const keyOf = ({ namespace, name }: { namespace: string; name: string }): string =>
  `${namespaceOf(namespace)}/${name}`;

/** The model that a device refers to: always of its own namespace. */
export const modelKeyOf = (device: Device): string =>
  keyOf({ namespace: device.namespace, name: device.spec?.deviceModelReference ?? "" });
