// SPDX-License-Identifier: Apache-2.0
import type { Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import type { AgentConfig } from "../config/index.ts";
import type { AgentLog } from "../log.ts";
import type { Outbox } from "../store/outbox-port.ts";
import { StoreError, type RecordStore } from "../store/port.ts";
import type { Uplink } from "../tunnel/port.ts";
import { BusCore, type Outlet } from "./bus.ts";
import { createBusMetrics, type BusMetrics } from "./metrics.ts";
import type { DeviceBook } from "./port.ts";
import type { Delivery } from "./recent.ts";
import { Uploads } from "./uploads.ts";

/** What the event bus needs of the agent. */
export interface EventBusDeps {
  readonly config: AgentConfig["bus"];
  readonly node: string;
  readonly requestTimeoutMs: number;
  /** Undefined where devices are switched off. */
  readonly book: DeviceBook | undefined;
  readonly records: RecordStore;
  /** Opens, or makes, the file of uploads. @throws {StoreError} */
  readonly openOutbox: (onDropped: (count: number) => void) => Outbox;
  /** Something may have been left in it by an earlier run. */
  readonly hasOutbox: () => boolean;
  readonly uplink: Uplink;
  /** The hub answers what it takes and what it refuses; a CloudCore does neither. */
  readonly isAnswered: () => boolean;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly registry: Registry;
  readonly newId: () => string;
  readonly random: () => number;
  /** A connection, message or subscription was not taken. */
  readonly onReject: (reason: string) => void;
}

/** Devices and applications by MQTT. */
export interface EventBus {
  /** Resolves when the own broker listens, where there is one; the external one is found in the background. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** To the clients of all brokers. */
  publish(topic: string, payload: string): void;
  /** Messages of this filter go to the cloud from now on, also after a restart. False: it is no filter. */
  subscribe(filter: string): Promise<boolean>;
  unsubscribe(filter: string): Promise<void>;
}

interface Broker extends Outlet {
  start(): void | Promise<void>;
  stop(): Promise<void>;
}

/** Filters that the cloud asked for; KubeEdge's `sub_topics`. */
export const SUB_TOPICS = "bus-sub-topics";
const MAX_SUB_TOPICS = 1_000;

class Bus implements EventBus {
  readonly #deps: EventBusDeps;
  readonly #metrics: BusMetrics;
  readonly #core: BusCore;
  readonly #brokers: Broker[] = [];
  #subTopics: readonly string[];
  #outbox: Outbox | undefined;
  #uploads: Uploads | undefined;
  #isStopped = false;

  constructor(deps: EventBusDeps) {
    this.#deps = deps;
    this.#metrics = createBusMetrics(deps.registry, () => ({
      count: this.#outbox?.count ?? 0,
      bytes: this.#outbox?.bytes ?? 0,
    }));
    this.#subTopics = deps.records.list(SUB_TOPICS).map(([filter]) => filter);
    this.#core = new BusCore({
      ...deps,
      metrics: this.#metrics,
      options: deps.config,
      uploads: () => this.#openUploads(),
      subTopics: () => this.#subTopics,
    });
  }

  async start(): Promise<void> {
    const { config, log, hasOutbox } = this.#deps;
    try {
      if (hasOutbox()) this.#openUploads();
    } catch (err) {
      log.error({ err }, "uploads of before cannot be read");
    }
    if (config.internal !== undefined) this.#brokers.push(await this.#embedded(config.internal));
    if (config.external !== undefined) this.#brokers.push(await this.#external(config.external));
    for (const broker of this.#brokers) await broker.start();
  }

  async stop(): Promise<void> {
    this.#core.stop();
    await Promise.all(this.#brokers.map((broker) => broker.stop()));
    this.#isStopped = true;
    this.#uploads?.stop();
    this.#uploads = undefined;
    this.#outbox?.close();
    this.#outbox = undefined;
  }

  publish(topic: string, payload: string): void {
    this.#core.publish({ topic, payload });
  }

  async subscribe(filter: string): Promise<boolean> {
    const isKnown = this.#subTopics.includes(filter);
    if (!isKnown && this.#subTopics.length >= MAX_SUB_TOPICS) return false;
    if (!this.#core.subscribe(filter)) return false;
    if (isKnown) return true;
    await this.#deps.records.put(SUB_TOPICS, filter, {});
    this.#subTopics = [...this.#subTopics, filter];
    return true;
  }

  async unsubscribe(filter: string): Promise<void> {
    if (!this.#subTopics.includes(filter)) return;
    this.#subTopics = this.#subTopics.filter((known) => known !== filter);
    this.#core.unsubscribe(filter);
    await this.#deps.records.delete(SUB_TOPICS, filter);
  }

  #openUploads(): Uploads {
    if (this.#uploads !== undefined) return this.#uploads;
    if (this.#isStopped) throw new StoreError("IO", "the outbox is closed");
    const { openOutbox, requestTimeoutMs, config } = this.#deps;
    this.#outbox = openOutbox((count) => this.#metrics.dropped.inc(count));
    this.#uploads = new Uploads({
      ...this.#deps,
      outbox: this.#outbox,
      options: { perSecond: config.uploadsPerSecond, requestTimeoutMs },
      onSent: (result, count) => this.#metrics.uploads.inc({ result }, count),
    });
    return this.#uploads;
  }

  readonly #onConnected = (broker: Outlet, isConnected: boolean): void => {
    this.#metrics.connected.set({ broker: broker.name }, isConnected ? 1 : 0);
    if (isConnected) this.#core.attach(broker);
    else this.#core.detach(broker);
  };

  readonly #receive = (delivery: Delivery, from: Outlet): Promise<string | undefined> =>
    this.#core.receive(delivery, from);

  async #embedded(url: string): Promise<Broker> {
    const { EmbeddedBroker } = await import("./embedded/broker.ts");
    const { config } = this.#deps;
    return new EmbeddedBroker({
      ...this.#deps,
      metrics: this.#metrics,
      onConnected: this.#onConnected,
      receive: this.#receive,
      options: { ...config, url, sessions: { perSession: config.sessionQueueSize } },
    });
  }

  async #external(url: string): Promise<Broker> {
    const { ExternalBroker } = await import("./external/connection.ts");
    const { config, node } = this.#deps;
    const clientId = config.clientId === "" ? `longshore-${node}` : config.clientId;
    return new ExternalBroker({
      ...this.#deps,
      metrics: this.#metrics,
      onConnected: this.#onConnected,
      receive: this.#receive,
      filters: () => this.#core.filters(),
      options: { ...config, url, clientId },
    });
  }
}

/** The part of the agent that speaks MQTT. Nothing is opened before `start()`. */
export function createEventBus(deps: EventBusDeps): EventBus {
  return new Bus(deps);
}
