// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import type { IClientOptions, MqttClient } from "mqtt";
import {
  SinkError,
  type Delivery,
  type Endpoint,
  type MqttTarget,
  type Secrets,
  type Sink,
} from "../port.ts";
import { asUnreachable } from "./failure.ts";
import { createSession } from "./session.ts";
import { secondsOf } from "./time.ts";
import { readTls } from "./tls.ts";

/** How long a broker may take to welcome. */
const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_S = 30;

/** What KubeEdge's mappers publish, in UTC: `time is 2023-11-14 22:13:20  hall/temperature: 21.5`. */
export const payloadOf = ({ sample, target }: Delivery<MqttTarget>): string =>
  `time is ${secondsOf(sample.atMs)}  ${target.topic}: ${sample.text}`;

/**
 * Publishes each sample (MQTT 3.1.1) and waits until the broker has taken all. What it took of a batch that failed
 * is published again: at least once, also with QoS 0.
 */
export function createMqttSink({ endpoint }: MqttTarget, secrets: Secrets): Sink<MqttTarget> {
  const session = createSession<MqttClient>({
    make: () => start(endpoint, secrets),
    connect: (client) => untilClosed(client, (done) => client.once("connect", () => done())),
    cut: (client) => client.end(true),
  });
  return {
    send: (batch, signal) => session.use(signal, (client) => publish(client, batch)),
    close: () => session.close(),
  };
}

async function start(endpoint: Endpoint, secrets: Secrets): Promise<MqttClient> {
  const [username, password, tls] = await Promise.all([
    secrets.read("mqtt", endpoint, "username"),
    secrets.read("mqtt", endpoint, "password"),
    readTls(secrets, "mqtt", endpoint),
  ]);
  const { default: mqtt } = await import("mqtt"); // in a bundle all that it exports is there
  const options: IClientOptions = {
    ...{ host: endpoint.host, port: endpoint.port, protocol: endpoint.isTls ? "mqtts" : "mqtt", ...tls },
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...{ clientId: `longshore-${randomBytes(6).toString("hex")}`, clean: true, protocolVersion: 4 },
    // Another attempt is the connection's affair, which keeps what was not taken.
    ...{ reconnectPeriod: 0, queueQoSZero: false, resubscribe: false },
    ...{ connectTimeout: CONNECT_TIMEOUT_MS, keepalive: KEEP_ALIVE_S, timerVariant: "native" },
  };
  const client = mqtt.connect(options);
  client.on("error", () => undefined); // else one that nobody waits for would end the process
  return client;
}

async function publish(client: MqttClient, batch: readonly Delivery<MqttTarget>[]): Promise<void> {
  if (!client.connected) throw closed(); // it would keep the messages for a connection that does not come
  await untilClosed(client, (done, failed) => {
    let left = batch.length;
    for (const delivery of batch) {
      const { topic, qos, isRetained: retain } = delivery.target;
      client.publish(topic, payloadOf(delivery), { qos, retain }, (error) => {
        if (error) failed(error);
        else if (--left === 0) done();
      });
    }
  });
  if (batch.some(({ target }) => target.qos === 0)) await ping(client);
}

/** A broker acknowledges no QoS 0; but it answers in order, so what was before a ping has come. */
const ping = (client: MqttClient): Promise<void> =>
  untilClosed(client, (done) => {
    const onPacket = ({ cmd }: { readonly cmd?: string }): void => {
      if (cmd !== "pingresp") return;
      client.off("packetreceive", onPacket);
      done();
    };
    client.on("packetreceive", onPacket);
    client.sendPing();
  });

const closed = (): SinkError => new SinkError("UNREACHABLE", "the connection was closed");

/** Fails when the connection ends before `done`: the library tells no one who waits for an acknowledgement. */
function untilClosed(
  client: MqttClient,
  work: (done: () => void, failed: (error: Error) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: SinkError): void => {
      client.off("close", onClose);
      client.off("error", onError);
      if (error) reject(error);
      else resolve();
    };
    const onClose = (): void => end(closed());
    const onError = (error: Error): void => end(failureOf(error));
    client.on("close", onClose);
    client.on("error", onError);
    work(() => end(), onError);
  });
}

/** Codes of a broker that does not welcome: 1 to 3 ask for another time, 4 and 5 for other credentials. */
function failureOf(error: Error): SinkError {
  const code = "code" in error ? error.code : undefined;
  if (typeof code !== "number") return asUnreachable(error);
  const message = `the broker answered ${code}`;
  return new SinkError(code === 4 || code === 5 ? "UNAUTHORIZED" : "UNAVAILABLE", message, { cause: error });
}
