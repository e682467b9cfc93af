// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import type { IClientOptions, MqttClient } from "mqtt";
import { MqttError } from "./errors.ts";
import type { MqttOptions } from "./options.ts";
import type { Place } from "./place.ts";
import { secretsOf } from "./secrets.ts";

/**
 * Connects to a broker; the client connects again by itself, and subscribes again.
 *
 * @throws {MqttError} BROKER_AWAY with why, TLS_NEEDED: whoever writes Devices shall not have a password sent in clear
 * @throws {SecretError} when a secret is there and cannot be read
 */
export async function connectBroker(place: Place, options: MqttOptions): Promise<MqttClient> {
  const secrets = await secretsOf(options.secretsDir, place);
  if (!place.isTls && (secrets.ca ?? secrets.cert) !== undefined) {
    throw new MqttError(
      "TLS_NEEDED",
      "there are certificates for this broker: begin its address with mqtts://",
    );
  }
  const { default: mqtt } = await import("mqtt"); // in a bundle all that it exports is there
  const settings: IClientOptions = {
    ...{ host: place.host, port: place.port, protocol: place.isTls ? "mqtts" : "mqtt", ...secrets },
    ...{
      clientId: place.clientId ?? `longshore-mapper-${randomBytes(6).toString("hex")}`,
      protocolVersion: 4,
    },
    ...{ clean: true, resubscribe: true, queueQoSZero: false, reconnectPeriod: options.reconnectMs },
    ...{ connectTimeout: options.connectTimeoutMs, keepalive: Math.ceil(options.keepaliveMs / 1000) },
    timerVariant: "native",
  };
  const client = mqtt.connect(settings);
  client.on("error", () => undefined); // whoever waits hears of it below, or that the broker is away
  try {
    await untilConnected(client, options.connectTimeoutMs);
    return client;
  } catch (error) {
    client.end(true);
    throw error;
  }
}

function untilConnected(client: MqttClient, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const away = (why: string): void => {
      end();
      reject(new MqttError("BROKER_AWAY", why));
    };
    const timer = setTimeout(() => away("the broker does not answer"), timeoutMs);
    const connected = (): void => {
      end();
      resolve();
    };
    const failed = (error: Error): void => away(reasonOf(error));
    const closed = (): void => away("the broker closed the connection");
    const end = (): void => {
      clearTimeout(timer);
      client.off("connect", connected).off("error", failed).off("close", closed);
    };
    client.on("connect", connected).on("error", failed).on("close", closed);
  });
}

/** Return codes of CONNACK (MQTT 3.1.1, section 3.2.2.3). */
const ANSWERS: Readonly<Record<number, string>> = {
  1: "the broker does not speak MQTT 3.1.1",
  2: "the broker refuses the client's name",
  3: "the broker is not available",
  4: "the broker does not know these credentials",
  5: "the broker lets us not connect",
};

function reasonOf(error: Error): string {
  const code = "code" in error ? error.code : undefined;
  if (typeof code === "number") return ANSWERS[code] ?? `the broker answered ${code}`;
  return `the broker cannot be reached: ${typeof code === "string" ? code : error.message}`;
}
