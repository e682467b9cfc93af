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
  /** undefined: it has nothing to say, and is online while it answers */
  state(): DeviceState | undefined;
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
    state: (device) => device.state() as DeviceState,
  };
}

/** A property that makes no sense fails alone, when it is read; what it was set to lasts until it is closed. */
function openVirtual({ config }: Device, clock: Clock): VirtualDevice {
  const openedMs = clock.monotonicMs();
  const known = new Map<string, VirtualProperty>();
  const settings = settingsOf(config, "device");
  const state = settings.has("State") ? settings.oneOf("State", DEVICE_STATES) : undefined;

  function find(property: Property): VirtualProperty {
    const found = known.get(property.name) ?? {
      behavior: behaviorOf(property),
      trouble: troubleOf(property.config, property.name, clock),
    };
    known.set(property.name, found);
    return found;
  }
  return {
    state: () => state,
    read: async (property, context) => {
      const { behavior, trouble } = find(property);
      await trouble(context);
      return behavior.value(clock.monotonicMs() - openedMs);
    },
    write: async (property, value, context) => {
      const { behavior, trouble } = find(property);
      await trouble(context);
      if (!behavior.set)
        throw new Error(`${property.name} cannot be set: its behavior is not echo or counter`);
      behavior.set(value);
    },
  };
}
