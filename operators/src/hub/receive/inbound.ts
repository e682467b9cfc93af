// SPDX-License-Identifier: Apache-2.0
import {
  decodeFrame,
  errorTo,
  parseResource,
  SessionOperation,
  WireError,
  type AckBatch,
  type Frame,
  type FrameOrigin,
  type Nack,
  type NackCode,
} from "@longshore/crds/wire";
import type { HubClock } from "../clock.ts";
import { classify, isSilent, orderKey } from "./dispatch.ts";
import { EndReasons, type EndReason } from "../end-reasons.ts";
import type { HubMetrics } from "../metrics.ts";
import type { HubOptions } from "../options.ts";
import { MinuteCounter, TokenBucket } from "../rate.ts";
import { PauseReason, type Reading } from "./reading.ts";
import { RecentIds } from "./recent-ids.ts";
import { controlReply, nackTo } from "./replies.ts";
import type { SessionLog, UplinkHandler, UplinkResource, UplinkSession } from "../uplink/port.ts";
import { KeyedQueue } from "./uplink-queue.ts";

export interface InboundDeps {
  readonly handlers: ReadonlyMap<string, UplinkHandler>;
  readonly clock: HubClock;
  readonly options: HubOptions;
  readonly metrics: HubMetrics;
  readonly origin: FrameOrigin;
}

/** What the receiving side needs of its session. */
export interface InboundHost extends UplinkSession {
  readonly open: boolean;
  readonly reading: Reading;
  readonly log: SessionLog;
  keepalive(): void;
  hello(frame: Frame): void;
  inventory(frame: Frame): void;
  /** @returns false when the id matches nothing in flight */
  acked(msgId: string): boolean;
  /** @param counts the edge refused this object, rather than being in trouble itself */
  refused(msgId: string, counts: boolean): boolean;
  end(reason: EndReason): void;
}

interface Task {
  readonly frame: Frame;
  readonly resource: UplinkResource;
  readonly handler: UplinkHandler;
}

const RECENT_IDS = 64;
/** Trouble of the edge's disk says nothing against the object. */
const EDGE_TROUBLE: ReadonlySet<NackCode> = new Set<NackCode>(["STORE_FULL", "STORE_FAILED", "RATE"]);

/** The receiving side of one session: decodes, classifies, limits, and hands over to the uplink handlers. */
export class Inbound {
  readonly #deps: InboundDeps;
  readonly #host: InboundHost;
  readonly #bucket: TokenBucket;
  readonly #queue: KeyedQueue<Task>;
  readonly #bad = new MinuteCounter();
  readonly #stray = new MinuteCounter();
  readonly #recent: RecentIds | undefined;
  #rateUntilMs = 0;
  #isToldOfUploads = false;

  constructor(deps: InboundDeps, host: InboundHost) {
    this.#deps = deps;
    this.#host = host;
    const { options, clock } = deps;
    this.#bucket = new TokenBucket(options.uplinkPerSecond, options.uplinkBurst, clock.nowMs());
    this.#queue = new KeyedQueue(options.uplinkConcurrency, (task) => this.#handle(task));
    this.#recent = host.negotiated ? new RecentIds(RECENT_IDS) : undefined;
  }

  receive(data: Buffer, isBinary: boolean): void {
    this.#deps.metrics.bytes.inc({ direction: "up" }, data.length);
    if (isBinary && this.#host.negotiated) {
      this.#count("binary");
      this.#host.end(EndReasons.badType);
      return;
    }
    let frame: Frame;
    try {
      frame = decodeFrame(data);
    } catch (error) {
      this.#undecodable(error);
      return;
    }
    this.#dispatch(frame, data);
  }

  sweep(nowMs: number): void {
    if (this.#host.reading.has(PauseReason.rate) && this.#rateUntilMs <= nowMs) {
      this.#host.reading.set(PauseReason.rate, false);
    }
  }

  /** What was not started is dropped: the edge sends its whole status on every connect. */
  stop(): void {
    this.#queue.clear();
  }

  #dispatch(frame: Frame, data: Buffer): void {
    switch (classify(frame, this.#host.negotiated)) {
      case "session":
        this.#onSession(frame);
        return;
      case "keepalive":
        this.#host.keepalive();
        return;
      case "ack":
        if (!this.#host.acked(frame.header.parent_msg_id ?? "")) this.#strayAck();
        return;
      case "error":
        this.#onError(frame);
        return;
      case "control":
        this.#host.send(controlReply(frame, this.#deps.origin));
        return;
      case "upload":
        this.#onUpload(frame);
        return;
      case "uplink":
        this.#onUplink(frame, data);
    }
  }

  #onSession(frame: Frame): void {
    switch (frame.route.operation) {
      case SessionOperation.ack:
        this.#onAcks(frame);
        return;
      case SessionOperation.nack:
        this.#onNack(frame);
        return;
      case SessionOperation.hello:
        this.#host.hello(frame);
        return;
      case SessionOperation.inventory:
        this.#host.inventory(frame);
        return;
      default:
        this.#refuse(frame, { code: "UNSUPPORTED", message: "unknown session operation" });
    }
  }

  #onAcks(frame: Frame): void {
    const ids = (frame.content as Partial<AckBatch> | null)?.ids;
    if (!Array.isArray(ids)) {
      this.#refuse(frame, { code: "BAD", message: "an ack names ids" });
      return;
    }
    for (const id of ids as unknown[]) {
      if (!this.#host.open) return;
      if (typeof id !== "string" || !this.#host.acked(id)) this.#strayAck();
    }
  }

  #onNack(frame: Frame): void {
    const nack = frame.content as Partial<Nack> | null;
    if (typeof nack?.id !== "string" || typeof nack.code !== "string") {
      this.#refuse(frame, { code: "BAD", message: "a nack names an id and a code" });
      return;
    }
    const known = this.#host.refused(nack.id, !EDGE_TROUBLE.has(nack.code));
    this.#deps.metrics.messages.inc({ direction: "up", resource: "nack" });
    if (known) this.#host.log.warn({ code: nack.code.slice(0, 32) }, "push refused by the edge");
    else this.#strayAck();
  }

  #onError(frame: Frame): void {
    if (this.#host.refused(frame.header.parent_msg_id ?? "", true)) {
      this.#host.log.warn({ resource: clip(frame.route.resource) }, "push answered with an error");
      return;
    }
    this.#count("edge_error");
    this.#host.log.info({ resource: clip(frame.route.resource) }, "error from the edge");
  }

  #strayAck(): void {
    this.#deps.metrics.strayAcks.inc();
    // A KubeEdge edge acks every reply to its queries, so strays are normal there.
    if (!this.#host.negotiated) return;
    const limit = this.#deps.options.strayAcksPerMinute;
    if (this.#stray.add(this.#deps.clock.nowMs()) >= limit) this.#host.end(EndReasons.rate);
  }

  /** Refused, so that an edge of ours keeps them; one line a session, for devices may send many. */
  #onUpload(frame: Frame): void {
    this.#meter();
    this.#count("upload");
    if (!this.#isToldOfUploads) this.#host.log.warn({}, "nothing here takes messages by MQTT");
    this.#isToldOfUploads = true;
    if (this.#host.negotiated)
      this.#nack(frame, { code: "UNSUPPORTED", message: "this hub has nothing that takes messages by MQTT" });
  }

  #onUplink(frame: Frame, data: Buffer): void {
    this.#meter();
    if (this.#recent?.accept(frame.header.msg_id, data) === false) {
      this.#refuse(frame, { code: "DUPLICATE_ID", message: "this id was used for another message" });
      return;
    }
    const text = frame.route.resource ?? "";
    let resource: UplinkResource;
    try {
      resource = parseResource(text);
    } catch {
      this.#refuse(frame, { code: "INVALID_RESOURCE", message: "the resource is not well formed" });
      return;
    }
    const handler = this.#deps.handlers.get(resource.type);
    if (handler === undefined) this.#unsupported(frame, text);
    else this.#enqueue({ frame, resource, handler });
  }

  #enqueue(task: Task): void {
    this.#deps.metrics.messages.inc({ direction: "up", resource: task.resource.type });
    this.#queue.add(orderKey(task.resource), task);
    if (this.#queue.waiting > this.#deps.options.uplinkQueue) this.#host.reading.set(PauseReason.queue, true);
  }

  async #handle({ frame, resource, handler }: Task): Promise<void> {
    try {
      if (this.#host.open) await handler.handle(frame, resource, this.#host);
    } catch (error) {
      this.#count("handler_failed");
      this.#host.log.error({ err: error, type: resource.type }, "uplink handler failed");
    } finally {
      if (this.#queue.waiting <= this.#deps.options.uplinkQueue / 2)
        this.#host.reading.set(PauseReason.queue, false);
    }
  }

  #unsupported(frame: Frame, resource: string): void {
    if (isSilent(resource)) {
      this.#deps.metrics.messages.inc({ direction: "up", resource: "ignored" });
      return;
    }
    this.#refuse(frame, { code: "UNSUPPORTED", message: "this hub does not handle this resource type" });
  }

  /** More frames than the rate allows are read later, not lost. Acks do not count. */
  #meter(): void {
    const nowMs = this.#deps.clock.nowMs();
    const debtMs = this.#bucket.borrow(nowMs);
    if (debtMs === 0) return;
    this.#rateUntilMs = nowMs + debtMs;
    this.#host.reading.set(PauseReason.rate, true);
  }

  #undecodable(error: unknown): void {
    const code = error instanceof WireError ? error.code : "MALFORMED";
    const id = error instanceof WireError ? error.messageId : undefined;
    this.#count(code.toLowerCase());
    this.#host.log.warn({ code }, "frame not decoded");
    if (!this.#host.negotiated) return;
    if (code !== "BAD_RESOURCE_VERSION" || id === undefined) {
      this.#host.end(EndReasons.badMessage);
      return;
    }
    const frame: Frame = { header: { msg_id: id, timestamp: 0 }, route: {}, content: null };
    this.#nack(frame, { code: "BAD", message: "the resourceVersion is not a decimal number" });
  }

  #refuse(frame: Frame, refusal: { code: NackCode; message: string }): void {
    this.#count(refusal.code.toLowerCase());
    this.#host.log.warn({ code: refusal.code, resource: clip(frame.route.resource) }, "frame refused");
    if (frame.route.operation === "query")
      this.#host.send(errorTo(frame, refusal.message, {}, this.#deps.origin));
    if (this.#host.negotiated) this.#nack(frame, refusal);
  }

  #nack(frame: Frame, refusal: { code: NackCode; message: string }): void {
    this.#host.send(nackTo(frame, refusal, this.#deps.origin));
    if (refusal.code !== "BAD") return;
    if (this.#bad.add(this.#deps.clock.nowMs()) >= this.#deps.options.badPerMinute)
      this.#host.end(EndReasons.badMessage);
  }

  #count(reason: string): void {
    this.#deps.metrics.rejects.inc({ surface: "tunnel", reason });
  }
}

const clip = (text = ""): string => text.slice(0, 128);
