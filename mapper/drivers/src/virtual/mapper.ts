// SPDX-License-Identifier: Apache-2.0
import {
  DEVICE_STATES,
  systemClock,
  type CallContext,
  type Clock,
  type Device,
  type DeviceState,
  type MapperDefinition,
  type Property,
  type Value,
} from "@longshore/mapper";
import { settingsOf } from "../settings/index.ts";
import { behaviorOf, type Behavior } from "./behavior.ts";
import { troubleOf, type Trouble } from "./trouble.ts";

/** A device that is not there. */
export interface VirtualDevice {
  read(property: Property, context: CallContext): Promise<Value>;
  write(property: Property, value: Value, context: CallContext): Promise<void>;
  /** What its settings say; undefined: nothing, so that it is online while it answers. @throws what the last call threw */
  state(): Promise<DeviceState | undefined>;
}

interface VirtualProperty {
  readonly behavior: Behavior;
  readonly trouble: Trouble;
}

/** A mapper without hardware, for tests, tutorials and whoever tries things. */
export function virtualMapper(clock: Clock = systemClock): MapperDefinition<VirtualDevice> {
  return {
    protocol: "virtual",
    open: async (device, context) => {
      await troubleOf(device.config, "device", clock)(context);
      return openVirtual(device, clock);
    },
    read: (device, property, context) => device.read(property, context),
    write: (device, property, value, context) => device.write(property, value, context),
    // The SDK takes what is no state for nothing said.
    state: (device) => device.state() as Promise<DeviceState>,
  };
}

/** A property that makes no sense fails alone, when it is read; what it was set to lasts until it is closed. */
function openVirtual({ config }: Device, clock: Clock): VirtualDevice {
  const openedMs = clock.monotonicMs();
  const known = new Map<string, VirtualProperty>();
  const settings = settingsOf(config, "device");
  const state = settings.has("State") ? settings.oneOf("State", DEVICE_STATES) : undefined;
  let fault: Error | undefined;

  function find(property: Property): VirtualProperty {
    const found = known.get(property.name) ?? {
      behavior: behaviorOf(property),
      trouble: troubleOf(property.config, property.name, clock),
    };
    known.set(property.name, found);
    return found;
  }
  async function reach(property: Property, context: CallContext): Promise<Behavior> {
    try {
      const { behavior, trouble } = find(property);
      await trouble(context);
      fault = undefined;
      return behavior;
    } catch (error) {
      fault = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }
  return {
    state: () => (state === undefined && fault ? Promise.reject(fault) : Promise.resolve(state)),
    read: async (property, context) => (await reach(property, context)).value(clock.monotonicMs() - openedMs),
    write: async (property, value, context) => {
      const behavior = await reach(property, context);
      if (!behavior.set)
        throw new Error(`${property.name} cannot be set: its behavior is not echo or counter`);
      behavior.set(value);
    },
  };
}
