// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "@longshore/mapper";
import type { MqttClient } from "mqtt";
import { MqttError } from "./errors.ts";
import type { MqttOptions } from "./options.ts";
import type { Qos } from "./point.ts";
import { createTopics, type Message } from "./topics.ts";

/** One connection to a broker, shared by all devices there. */
export interface Broker {
  /** @throws {MqttError} BROKER_AWAY, REFUSED_BY_BROKER, TOO_MUCH, ABORTED */
  subscribe(topic: string, qos: Qos, signal: AbortSignal): Promise<void>;
  leave(topic: string): void;
  /** The newest message of a subscribed topic; waits a moment for the first. @throws {MqttError} BROKER_AWAY */
  latest(topic: string, signal: AbortSignal): Promise<Message | undefined>;
  /** Resolves when the broker has it. @throws {MqttError} BROKER_AWAY, REFUSED_BY_BROKER, TOO_MUCH, ABORTED */
  publish(topic: string, payload: Buffer, how: Delivery, signal: AbortSignal): Promise<void>;
  /** Whether no topic is kept. */
  isIdle(): boolean;
  close(): void;
}

export interface Delivery {
  readonly qos: Qos;
  readonly isRetained: boolean;
}

/** A subscription that a broker refuses (MQTT 3.1.1, section 3.9.3). */
const REFUSED = 0x80;

/** @param onIdle called when no topic is left */
export function createBroker(
  client: MqttClient,
  options: MqttOptions,
  { clock, onIdle }: { readonly clock: Clock; readonly onIdle: () => void },
): Broker {
  let unconfirmed = 0;
  const topics = createTopics(options, clock, (topic) => {
    client.unsubscribe(topic, () => undefined); // when it fails the connection is gone, and the subscription with it
    if (topics.size() === 0) onIdle();
  });
  client.on("message", (topic, payload) => topics.take(topic, payload));

  function mustBeThere(): void {
    if (!client.connected || client.disconnecting)
      throw new MqttError("BROKER_AWAY", "there is no connection to the broker");
  }
  async function ask(topic: string, qos: Qos, signal: AbortSignal): Promise<void> {
    const granted = await given(signal, client.subscribeAsync(topic, { qos }));
    if (granted.some((grant) => grant.qos >= REFUSED)) {
      throw new MqttError("REFUSED_BY_BROKER", "the broker lets us not subscribe to a topic of this device");
    }
    topics.subscribed(topic, qos);
  }
  return {
    subscribe: async (topic, qos, signal) => {
      const mustAsk = topics.use(topic, qos);
      try {
        mustBeThere();
        if (mustAsk) await ask(topic, qos, signal);
      } catch (error) {
        topics.leave(topic);
        throw failureOf("subscribe", error);
      }
    },
    leave: (topic) => topics.leave(topic),
    isIdle: () => topics.size() === 0,
    latest: async (topic, signal) => {
      mustBeThere();
      return topics.latest(topic) ?? topics.next(topic, options.firstValueMs, signal);
    },
    publish: async (topic, payload, { qos, isRetained: retain }, signal) => {
      mustBeThere();
      if (unconfirmed >= options.maxUnconfirmed) {
        throw new MqttError("TOO_MUCH", `${unconfirmed} commands wait for the broker already`);
      }
      unconfirmed++;
      const sent = client.publishAsync(topic, payload, { qos, retain }).finally(() => unconfirmed--);
      try {
        await given(signal, sent);
      } catch (error) {
        throw failureOf("publish", error);
      }
    },
    close: () => {
      topics.close();
      client.end(true);
    },
  };
}

/** What a broker refuses has a code of its own; everything else is about the connection. */
function failureOf(what: string, cause: unknown): MqttError {
  if (cause instanceof MqttError) return cause;
  const isRefusal =
    typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "number";
  return isRefusal
    ? new MqttError("REFUSED_BY_BROKER", `the broker lets us not ${what}`, { cause })
    : new MqttError("BROKER_AWAY", "the connection to the broker was lost", { cause });
}

/** Gives up at the abort; what the library does by then ends unheard. */
function given<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(new MqttError("ABORTED", "given up while the broker was asked"));
    if (signal.aborted) aborted();
    signal.addEventListener("abort", aborted, { once: true });
    const heard = (): void => signal.removeEventListener("abort", aborted);
    answer.finally(heard).then(resolve, reject);
  });
}
