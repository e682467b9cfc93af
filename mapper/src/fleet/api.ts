// SPDX-License-Identifier: Apache-2.0
import type { Device, DeviceModel } from "@longshore/crds/dmi";
import { modelKeyOf, namespaceOf } from "../device/name.ts";
import type { DeviceRuntime } from "../device/runtime.ts";
import { FleetError, type FleetApi, type ModelInfo } from "../rest/port.ts";

/** What the fleet holds, by `namespace/name`. */
export interface Holdings {
  readonly models: ReadonlyMap<string, DeviceModel>;
  readonly devices: ReadonlyMap<string, Device>;
  readonly runtimes: ReadonlyMap<string, DeviceRuntime>;
}

/** The fleet, for programs beside the mapper. */
export function createFleetApi({ models, devices, runtimes }: Holdings): FleetApi {
  function runtimeOf(key: string): DeviceRuntime {
    const runtime = runtimes.get(key);
    if (!runtime) throw new FleetError("NOT_FOUND", "no device of this name runs here");
    return runtime;
  }

  function modelInfo(key: string): ModelInfo {
    const model = models.get(key);
    if (!model) throw new FleetError("NOT_FOUND", "no model of this name is here");
    const properties = model.spec?.properties ?? [];
    return {
      namespace: namespaceOf(model.namespace),
      name: model.name,
      properties: properties.map(
        ({ name, description, type, accessMode, minimum, maximum, unit }) =>
          ({ name, description, type, accessMode, minimum, maximum, unit }) satisfies Record<string, string>,
      ),
    };
  }

  return {
    devices: () => [...runtimes.keys()].sort(),
    read: async (device, property, signal) => runtimeOf(device).read(property, signal),
    methods: (device) => runtimeOf(device).methods(),
    call: async (device, method, signal) => runtimeOf(device).call(method, signal),
    modelOf: (key) => {
      const device = devices.get(key);
      if (!device) throw new FleetError("NOT_FOUND", "no device of this name is here");
      return modelInfo(modelKeyOf(device));
    },
    model: modelInfo,
  };
}
