// SPDX-License-Identifier: Apache-2.0
import type { DeviceStatusObject } from "../cluster/objects.ts";
import type { Environment } from "./environment.ts";

export type DeviceContent = NonNullable<DeviceStatusObject["status"]>;

/** What the cluster tells of the devices of one namespace. */
export interface DeviceView {
  status(name: string): Promise<DeviceContent | undefined>;
  /** Reported values by property. */
  values(name: string): Promise<Readonly<Record<string, string>>>;
}

export function viewDevices(env: Environment, namespace: string): DeviceView {
  const status = async (name: string): Promise<DeviceContent | undefined> =>
    (await env.kubectl.find<DeviceStatusObject>("devicestatus", "-n", namespace, name))?.status;
  return {
    status,
    values: async (name) => {
      const twins = (await status(name))?.twins ?? [];
      const reported = twins.flatMap(({ propertyName, reported: twin }) =>
        twin === undefined ? [] : [[propertyName, twin.value] as const],
      );
      return Object.fromEntries(reported);
    },
  };
}
