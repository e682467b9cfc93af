// SPDX-License-Identifier: Apache-2.0
import type { DeviceSpec } from "@longshore/crds/devices";
import { kinds } from "@longshore/crds/kinds";
import type { Client, KubeObject } from "@longshore/operators/runtime";

export interface NamedDevice {
  readonly name: string;
  readonly spec: DeviceSpec;
}

export interface DeviceLister {
  /** Devices of a model; `unknown` when they cannot be read now. Never rejects. */
  ofModel(
    namespace: string,
    model: string,
  ): Promise<{ readonly devices: readonly NamedDevice[]; readonly isAll: boolean } | "unknown">;
}

interface DeviceObject extends KubeObject {
  readonly spec?: DeviceSpec;
}

/** Devices looked through; one page, so that a large namespace cannot hold an answer up. */
const MAX_DEVICES = 500;
const TIMEOUT_MS = 2_000;
/** Lists at a time; more are answered `unknown`. */
const MAX_LISTS = 4;

/** Without an API server: nothing is known of any device. */
export const unknownDevices: DeviceLister = { ofModel: () => Promise.resolve("unknown") };

export function createDeviceLister(
  client: Pick<Client, "list">,
  failed: (error: unknown) => void,
): DeviceLister {
  let running = 0;
  return {
    async ofModel(namespace, model) {
      if (running >= MAX_LISTS) return "unknown";
      running++;
      try {
        const options = { namespace, limit: MAX_DEVICES, timeoutMs: TIMEOUT_MS };
        const page = await client.list<DeviceObject>(kinds.Device, options);
        const devices = page.items.flatMap(({ metadata, spec = {} }) =>
          spec.deviceModelRef?.name === model ? [{ name: metadata.name, spec }] : [],
        );
        return { devices, isAll: page.continue === undefined };
      } catch (error) {
        failed(error);
        return "unknown";
      } finally {
        running--;
      }
    },
  };
}
