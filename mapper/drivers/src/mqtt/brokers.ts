// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "@longshore/mapper";
import type { MqttClient } from "mqtt";
import { createBroker, type Broker } from "./broker.ts";
import type { connectBroker } from "./connect.ts";
import type { MqttOptions } from "./options.ts";
import type { Place } from "./place.ts";

/** A device's hold on a broker. */
export interface Lease {
  readonly broker: Broker;
  /** A second call does nothing. */
  release(): void;
}

/** All brokers of a mapper: one connection for each address and client name. */
export interface Brokers {
  /** Connects, or joins. @throws {MqttError} BROKER_AWAY */
  lease(place: Place): Promise<Lease>;
}

interface Held {
  readonly client: MqttClient;
  readonly broker: Broker;
  leases: number;
}

export function createBrokers(options: MqttOptions, clock: Clock, connect: typeof connectBroker): Brokers {
  const held = new Map<string, Held>();
  const connecting = new Map<string, Promise<Held>>();

  function drop(key: string, entry: Held): void {
    if (held.get(key) === entry) held.delete(key);
    entry.broker.close();
  }
  function dropUnused(key: string, entry: Held): void {
    if (entry.leases === 0 && entry.broker.isIdle()) drop(key, entry);
  }
  async function open(key: string, place: Place): Promise<Held> {
    const client = await connect(place, options);
    const onIdle = (): void => dropUnused(key, entry);
    const broker = createBroker(client, options, { clock, onIdle });
    const entry: Held = { client, broker, leases: 0 };
    held.set(key, entry);
    return entry;
  }
  function usable(key: string): Held | undefined {
    const known = held.get(key);
    if (known?.client.connected === true) return known;
    // It may never come back, when credentials have changed: another begins, and whoever has the old one will see.
    if (known) drop(key, known);
    return undefined;
  }
  function openOnce(key: string, place: Place): Promise<Held> {
    const opening = connecting.get(key) ?? open(key, place).finally(() => connecting.delete(key));
    connecting.set(key, opening);
    return opening;
  }
  return {
    lease: async (place) => {
      const key = JSON.stringify([place.isTls, place.host, place.port, place.clientId]);
      // One that is there is counted at once: its last user may give it back in the meantime.
      const entry = usable(key) ?? (await openOnce(key, place));
      entry.leases++;
      let isHeld = true;
      return {
        broker: entry.broker,
        release: () => {
          if (!isHeld) return;
          isHeld = false;
          entry.leases--;
          dropUnused(key, entry);
        },
      };
    },
  };
}
