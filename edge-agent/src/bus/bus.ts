// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";
import { createBuckets } from "../devices/bucket.ts";
import type { AgentLog } from "../log.ts";
import { answer, type Publication } from "./answer.ts";
import { Changes } from "./changes.ts";
import type { BrokerName, BusMetrics } from "./metrics.ts";
import type { DeviceBook } from "./port.ts";
import { filterFault, routeOf, SUBSCRIBED, topicFault, type Route } from "./topic.ts";
import type { Uploads } from "./uploads.ts";

/** A message of a client. */
export interface BusMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
}

/** A broker, as the bus sees it. */
export interface Outlet {
  readonly name: BrokerName;
  publish(publication: Publication): void;
  /** The bus wants what this filter brings, or no longer. */
  subscribe(filter: string): void;
  unsubscribe(filter: string): void;
}

/** Why a message was not taken. */
export type RefusalReason =
  "topic" | "size" | "rate" | "malformed" | "invalid" | "unknown" | "conflict" | "room";

/** Undefined: done, or nobody's business here. */
export type Receipt = RefusalReason | undefined;

/** What the bus needs of the agent. */
export interface BusCoreDeps {
  readonly node: string;
  readonly book: DeviceBook | undefined;
  /** Opens what is on disk at the first call. @throws {StoreError} */
  readonly uploads: () => Uploads;
  /** filters of `sub_topics` */
  readonly subTopics: () => readonly string[];
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly newId: () => string;
  readonly metrics: BusMetrics;
  readonly onReject: (reason: string) => void;
  readonly options: {
    readonly maxPayloadBytes: number;
    readonly messagesPerSecond: number;
    readonly messageBurst: number;
  };
}

/** So that a frame with it stays below the 1.25 MiB of the tunnel, however much of it needs escapes. */
const MAX_UPLOAD_CHARS = 1024 * 1024;

/** Answers what clients ask by MQTT, and tells them what changes; knows no broker but by its outlet. */
export class BusCore {
  readonly #deps: BusCoreDeps;
  readonly #outlets = new Set<Outlet>();
  readonly #mayPass: (key: string) => boolean;
  readonly #mayLog: (key: string) => boolean;
  #changes: Changes | undefined;

  constructor(deps: BusCoreDeps) {
    this.#deps = deps;
    const { clock, options } = deps;
    this.#mayPass = createBuckets(clock, {
      perSecond: options.messagesPerSecond,
      burst: options.messageBurst,
    });
    this.#mayLog = createBuckets(clock, { perSecond: 0.1, burst: 5 });
  }

  /** Everything that a broker is to send here. */
  filters(): readonly string[] {
    return [...SUBSCRIBED, ...this.#deps.subTopics()];
  }

  /** A broker is there: its clients are told what changes from now on. */
  attach(outlet: Outlet): void {
    this.#outlets.add(outlet);
    const { book } = this.#deps;
    if (book === undefined || this.#changes !== undefined) return;
    this.#changes = new Changes({ ...this.#deps, book, publish: (publication) => this.publish(publication) });
  }

  /** A broker is gone; without any, changes are not even looked at. */
  detach(outlet: Outlet): void {
    this.#outlets.delete(outlet);
    if (this.#outlets.size > 0) return;
    this.#changes?.stop();
    this.#changes = undefined;
  }

  stop(): void {
    for (const outlet of this.#outlets) this.detach(outlet);
  }

  /** To all brokers. */
  publish(publication: Publication): void {
    for (const outlet of this.#outlets) outlet.publish(publication);
  }

  subscribe(filter: string): boolean {
    if (filterFault(filter) !== undefined) return false;
    for (const outlet of this.#outlets) outlet.subscribe(filter);
    return true;
  }

  unsubscribe(filter: string): void {
    if ((SUBSCRIBED as readonly string[]).includes(filter)) return;
    for (const outlet of this.#outlets) outlet.unsubscribe(filter);
  }

  /**
   * Resolves when the message may be acknowledged: an upload with QoS 1 or 2 is durable then.
   *
   * @throws {StoreError} do not acknowledge: it could not be stored
   */
  async receive(message: BusMessage, from: Outlet): Promise<Receipt> {
    const { topic, payload } = message;
    if (topicFault(topic) !== undefined) return this.#reject("topic", from);
    if (payload.length > this.#deps.options.maxPayloadBytes) return this.#reject("size", from);
    const route = routeOf(topic, this.#deps.subTopics());
    if (route.kind === "none" || this.#isOfOtherNode(route)) return undefined;
    if (route.kind === "upload") return this.#upload(message, from);
    return this.#ask(route, payload, from);
  }

  #isOfOtherNode(route: Route): boolean {
    return route.kind === "membership/get" && route.node !== this.#deps.node;
  }

  async #upload({ topic, payload, qos }: BusMessage, from: Outlet): Promise<Receipt> {
    const text = payload.toString("utf8");
    if (JSON.stringify(text).length > MAX_UPLOAD_CHARS) return this.#reject("size", from);
    if (qos === 0) this.#deps.uploads().offer(topic, text);
    else await this.#deps.uploads().put(topic, text);
    this.#deps.metrics.messages.inc({ kind: "upload", result: "ok" });
    return undefined;
  }

  #ask(route: Exclude<Route, { kind: "upload" | "none" }>, payload: Buffer, from: Outlet): Receipt {
    if (!this.#mayPass(this.#rateKey(route))) return this.#reject("rate", from);
    const { book, node, newId, clock, metrics } = this.#deps;
    const { publications, refused } = answer(route, payload, { book, node, newId, nowMs: clock.nowMs() });
    for (const publication of publications) from.publish(publication);
    metrics.messages.inc({ kind: route.kind, result: refused ?? "ok" });
    return refused === undefined ? undefined : this.#reject(refused, from);
  }

  /** Devices that are not here share one allowance, so that their number is not a client's to choose. */
  #rateKey(route: Exclude<Route, { kind: "upload" | "none" }>): string {
    if (route.kind === "membership/get") return "membership";
    return this.#deps.book?.twins(route.device) === undefined ? "" : route.device;
  }

  #reject(reason: RefusalReason, from: Outlet): RefusalReason {
    this.#deps.onReject(reason);
    if (this.#mayLog(reason))
      this.#deps.log.warn({ broker: from.name, reason }, "a message by MQTT was not taken");
    return reason;
  }
}
