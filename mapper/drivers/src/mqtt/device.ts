// SPDX-License-Identifier: Apache-2.0
import type { CallContext, Clock, Device, Property, Value } from "@longshore/mapper";
import { SettingError } from "../settings/index.ts";
import type { Brokers } from "./brokers.ts";
import { decode, encode } from "./codec.ts";
import { MqttError } from "./errors.ts";
import { placeOf } from "./place.ts";
import { pointOf, type Point } from "./point.ts";
import type { Message } from "./topics.ts";

/** A device that speaks MQTT itself. */
export interface MqttDevice {
  read(property: Property, context: CallContext): Promise<Value>;
  write(property: Property, value: Value, context: CallContext): Promise<void>;
  close(): void;
}

/**
 * Connects, and subscribes to the topics of all properties. One that makes no sense fails alone, when it is read.
 *
 * @throws {SettingError} when the broker's address makes no sense
 * @throws {MqttError} BROKER_AWAY, REFUSED_BY_BROKER, TOO_MUCH
 */
export async function openDevice(
  { config, properties }: Device,
  { signal }: Pick<CallContext, "signal">,
  { brokers, clock }: { readonly brokers: Brokers; readonly clock: Clock },
): Promise<MqttDevice> {
  const lease = await brokers.lease(placeOf(config));
  const { broker } = lease;
  const topics: string[] = [];
  const close = (): void => {
    for (const topic of topics.splice(0)) broker.leave(topic);
    lease.release();
  };
  try {
    for (const { topic, qos } of properties.flatMap(sensiblePoint)) {
      if (topic === undefined) continue;
      await broker.subscribe(topic, qos, signal);
      topics.push(topic);
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    close,
    read: async (property, context) => {
      const point = pointOf(property);
      if (point.topic === undefined) throw new MqttError("NO_VALUE", `${property.name} has no Topic`);
      return decode(freshPayload(await broker.latest(point.topic, context.signal), point, clock), point);
    },
    write: async (property, value, context) => {
      const point = pointOf(property);
      if (point.commandTopic === undefined)
        throw new SettingError(`${property.name}: CommandTopic is missing`);
      await broker.publish(point.commandTopic, encode(value, point), point, context.signal);
    },
  };
}

function sensiblePoint(property: Property): Point[] {
  try {
    return [pointOf(property)];
  } catch {
    return []; // told by each read
  }
}

function freshPayload(message: Message | undefined, { maxAgeMs }: Point, clock: Clock): Buffer {
  if (message === undefined) throw new MqttError("NO_VALUE", "no message has come on the topic yet");
  if (message.payload === undefined) throw new MqttError("VALUE_UNFIT", "the message is too long");
  if (maxAgeMs > 0 && clock.monotonicMs() - message.atMs > maxAgeMs) {
    throw new MqttError("NO_VALUE", `the last message is older than ${maxAgeMs} ms`);
  }
  return message.payload;
}
