// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import type { IClientOptions, IPublishPacket, MqttClient } from "mqtt";
import type { Clock } from "../../clock.ts";
import { pauseMs } from "../../devices/backoff.ts";
import type { AgentLog } from "../../log.ts";
import type { Publication } from "../answer.ts";
import type { Outlet } from "../bus.ts";
import type { BusMetrics } from "../metrics.ts";
import { reasonOf } from "../reason.ts";
import { Recent, type Delivery } from "../recent.ts";

/** How to reach a broker. */
export interface ExternalOptions {
  /** `tcp://host:port`, or mqtts:// */
  readonly url: string;
  /** the same always: the broker keeps the session by it */
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  readonly tls: { readonly caFile: string; readonly certFile: string; readonly keyFile: string } | undefined;
  readonly maxPayloadBytes: number;
  /** messages of the agent that the broker has not acknowledged, default 1,000; beyond it they are dropped */
  readonly maxOutstanding?: number;
  /** how long the broker keeps the session of an agent that is away, default 7 days */
  readonly sessionExpirySeconds?: number;
}

/** What the connection needs of the agent. */
export interface ExternalDeps {
  readonly options: ExternalOptions;
  readonly filters: () => readonly string[];
  /** Resolves when the message may be acknowledged. @throws when it may not */
  readonly receive: (delivery: Delivery, from: Outlet) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly random: () => number;
  readonly metrics: Pick<BusMetrics, "published">;
  /** Called again and again with the same is fine. */
  readonly onConnected: (broker: Outlet, isConnected: boolean) => void;
}

const DEFAULTS = { maxOutstanding: 1_000, sessionExpirySeconds: 7 * 86_400 };
const RETRY = { baseMs: 1_000, capMs: 60_000 };
const STOP_TIMEOUT_MS = 2_000;
const PROBE_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 10_000;
const KEEPALIVE_SECONDS = 30;
/** Messages that the broker sends ahead of our acknowledgements. */
const RECEIVE_MAXIMUM = 32;
/** A topic has at most 1,024 characters; the rest is for properties. */
const PACKET_ROOM_BYTES = 8_192;
/** What a broker says that does not speak MQTT 5: in 3.1.1's words and in 5's own. */
const NOT_5 = new Set([1, 132]);

const isTls = (url: string): boolean => /^(ssl|tls|mqtts):/.test(url);

/** Connects to a broker that others run, with a session that it keeps, for as long as the agent lives. */
export class ExternalBroker implements Outlet {
  readonly name = "external";
  readonly #deps: ExternalDeps;
  readonly #options: ExternalOptions & typeof DEFAULTS;
  readonly #recent = new Recent();
  #client: MqttClient | undefined;
  #version: 4 | 5 = 5;
  #failures = 0;
  #outstanding = 0;
  #told: string | undefined;
  #isStopped = false;
  #cancelRetry: (() => void) | undefined;

  constructor(deps: ExternalDeps) {
    this.#deps = deps;
    this.#options = { ...DEFAULTS, ...deps.options };
  }

  start(): void {
    this.#dial().catch((err: unknown) => this.#failed(err));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry?.();
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await this.#end(client);
  }

  /** In order where the broker answers in time: it keeps the session either way. */
  #end(client: MqttClient): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#deps.clock.schedule(STOP_TIMEOUT_MS, () => {
        client.stream.destroy();
        resolve();
      });
      client.end(!client.connected, () => {
        cancel();
        resolve();
      });
    });
  }

  /** With QoS 1; dropped, and counted, while the broker is away or behind. */
  publish({ topic, payload }: Publication): void {
    const { published } = this.#deps.metrics;
    const client = this.#client;
    if (client?.connected !== true || this.#outstanding >= this.#options.maxOutstanding) {
      published.inc({ broker: this.name, result: "dropped" });
      return;
    }
    this.#outstanding++;
    client.publish(topic, payload, { qos: 1 }, (error) => {
      this.#outstanding--;
      published.inc({ broker: this.name, result: error ? "failed" : "ok" });
    });
  }

  subscribe(filter: string): void {
    if (this.#client?.connected === true) this.#ask(this.#client, [filter]);
  }

  unsubscribe(filter: string): void {
    this.#client?.unsubscribe(filter, (error) => {
      if (error) this.#deps.log.warn({ filter, reason: error.message }, "the broker keeps a subscription");
    });
  }

  /** The library is loaded once something listens there: a node without a broker does not pay for it. */
  async #dial(): Promise<void> {
    await probe(this.#options.url);
    // By its default: a bundle's parts do not know the names that a CommonJS module exports.
    const { default: mqtt } = await import("mqtt");
    if (this.#isStopped) return;
    const client = mqtt.connect(this.#options.url, this.#clientOptions());
    this.#client = client;
    let reason: unknown;
    client.handleMessage = (packet, acknowledge) => this.#onPacket(client, packet, acknowledge);
    client.on("connect", () => this.#ask(client, this.#deps.filters()));
    client.on("error", (error) => {
      reason ??= error;
    });
    client.once("close", () => {
      client.end(true);
      this.#onClosed(client, reason);
    });
  }

  #clientOptions(): IClientOptions {
    const { clientId, username, password, maxPayloadBytes, sessionExpirySeconds } = this.#options;
    return {
      clientId,
      clean: false,
      protocolVersion: this.#version,
      keepalive: KEEPALIVE_SECONDS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      // Else the library prepares 65,536 buffers at its first packet: 15 MB.
      writeCache: false,
      ...(username !== "" && { username, password }),
      ...this.#tlsOptions(),
      ...(this.#version === 5 && {
        properties: {
          sessionExpiryInterval: sessionExpirySeconds,
          maximumPacketSize: maxPayloadBytes + PACKET_ROOM_BYTES,
          receiveMaximum: RECEIVE_MAXIMUM,
        },
      }),
    };
  }

  #tlsOptions(): IClientOptions {
    const { tls, url } = this.#options;
    if (tls === undefined) return {};
    const files = {
      ca: readFileSync(tls.caFile),
      cert: readFileSync(tls.certFile),
      key: readFileSync(tls.keyFile),
    };
    return { ...files, rejectUnauthorized: true, ...(!isTls(url) && { protocol: "mqtts" as const }) };
  }

  #ask(client: MqttClient, filters: readonly string[]): void {
    // rh 1: what is retained comes with the first subscription of a session, not again after each reconnect.
    // nl: what the cloud has the agent publish does not go back to it. MQTT 3.1.1 knows neither.
    const wanted = Object.fromEntries(
      filters.map((filter) => [filter, { qos: 1 as const, rh: 1, nl: true }]),
    );
    client.subscribe(wanted, (error, granted) => {
      const refused = (granted ?? []).filter(({ qos }) => qos > 2).map(({ topic }) => topic);
      if (error) {
        this.#deps.log.warn({ reason: error.message, refused }, "the broker refuses a subscription");
        if (refused.length === 0) client.end(true);
      }
      if (this.#client === client && client.connected) this.#onReady();
    });
  }

  #onReady(): void {
    if (this.#told !== "") this.#deps.log.info({ url: this.#options.url }, "connected to the MQTT broker");
    this.#told = "";
    this.#failures = 0;
    this.#deps.onConnected(this, true);
  }

  #onPacket(client: MqttClient, packet: IPublishPacket, acknowledge: (error?: Error) => void): void {
    const delivery: Delivery = {
      topic: packet.topic,
      payload: Buffer.isBuffer(packet.payload) ? packet.payload : Buffer.from(packet.payload),
      qos: packet.qos,
      messageId: packet.messageId,
      isDuplicate: packet.dup,
    };
    this.#take(delivery)
      .then(() => acknowledge())
      .catch((error: unknown) => {
        // Not acknowledged, so the broker sends it again in the next connection.
        this.#deps.log.warn(
          { reason: reasonOf(error) },
          "a message by MQTT could not be kept, connecting anew",
        );
        this.#failures++;
        client.end(true);
      });
  }

  async #take(delivery: Delivery): Promise<void> {
    if (this.#recent.has(delivery)) return;
    await this.#deps.receive(delivery, this);
    this.#recent.done(delivery);
  }

  #onClosed(client: MqttClient, reason: unknown): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#outstanding = 0;
    this.#failed(reason ?? new Error("the broker closed the connection"));
  }

  #failed(error: unknown): void {
    this.#deps.onConnected(this, false);
    if (this.#isStopped) return;
    const code = (error as { code?: unknown } | null)?.code;
    if (this.#version === 5 && typeof code === "number" && NOT_5.has(code)) this.#version = 4;
    this.#tell(reasonOf(error));
    const delayMs = pauseMs(++this.#failures, RETRY, this.#deps.random);
    this.#cancelRetry = this.#deps.clock.schedule(delayMs, () => this.start());
  }

  /** Once for each reason, until it is connected again. */
  #tell(reason: string): void {
    if (this.#told === reason) return;
    this.#told = reason;
    this.#deps.log.warn({ url: this.#options.url, reason }, "no MQTT broker to use, trying again");
  }
}

/** @throws {Error} when nothing listens there */
function probe(url: string): Promise<void> {
  const { hostname, port } = new URL(url.replace(/^[a-z]+:/, "http:"));
  const socket = connectTcp({
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port === "" ? "80" : port),
  });
  return new Promise((resolve, reject) => {
    socket.setTimeout(PROBE_TIMEOUT_MS, () => socket.destroy(new Error("the connection takes too long")));
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}
