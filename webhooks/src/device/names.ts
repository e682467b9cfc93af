// SPDX-License-Identifier: Apache-2.0
import { duplicateNames, type RuleViolation } from "@longshore/crds/devices";
import type { DeviceSpec as OldDeviceSpec } from "@longshore/crds/devices/v1alpha2";

/** Properties of a v1alpha2 Device are named in two lists, each with names of its own. */
export function duplicateOldNames(spec: OldDeviceSpec): RuleViolation[] {
  const names = (at: string, list: readonly { readonly propertyName?: string }[] | undefined) =>
    (list ?? []).map(({ propertyName = "" }, index) => ({
      name: propertyName,
      field: `${at}[${index}].propertyName`,
    }));
  return [
    ...duplicateNames(names("spec.propertyVisitors", spec.propertyVisitors)),
    ...duplicateNames(names("spec.data.dataProperties", spec.data?.dataProperties)),
  ];
}
