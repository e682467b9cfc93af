// SPDX-License-Identifier: Apache-2.0
import { systemClock, type Clock, type MapperDefinition } from "@longshore/mapper";
import { createBrokers } from "./brokers.ts";
import { connectBroker } from "./connect.ts";
import { openDevice, type MqttDevice } from "./device.ts";
import { DEFAULT_MQTT_OPTIONS, type MqttOptions } from "./options.ts";

/** The mapper for devices that speak MQTT themselves. */
export function mqttMapper(
  options: Partial<MqttOptions> = {},
  clock: Clock = systemClock,
  connect = connectBroker,
): MapperDefinition<MqttDevice> {
  const brokers = createBrokers({ ...DEFAULT_MQTT_OPTIONS, ...options }, clock, connect);
  return {
    protocol: "mqtt",
    open: (device, context) => openDevice(device, context, { brokers, clock }),
    read: (device, property, context) => device.read(property, context),
    write: (device, property, value, context) => device.write(property, value, context),
    close: (device) => device.close(),
  };
}
