// SPDX-License-Identifier: Apache-2.0
import {
  encodeFrame,
  SessionOperation,
  type Frame,
  type FrameOrigin,
  type HelloReply,
} from "@longshore/crds/wire";
import type { Duplex } from "node:stream";
import type { Fence, Mailbox, Owner } from "../../delivery/mailbox.ts";
import type { HubClock } from "../clock.ts";
import { type Encoded, framePush, Pump, type PumpDeps, type PumpHost, type Slot } from "../send/index.ts";
import { EndReasons, peerClosed, type EndReason } from "../end-reasons.ts";
import {
  Inbound,
  type InboundDeps,
  type InboundHost,
  PauseReason,
  Reading,
  sessionNotice,
  sessionReply,
} from "../receive/index.ts";
import type { LeaseRenewer } from "../lease-renewer.ts";
import type { HubMetrics } from "../metrics.ts";
import type { HubOptions } from "../options.ts";
import { Outbound } from "./outbound.ts";
import { Ownership, type OwnershipDeps, type OwnershipHost } from "./ownership.ts";
import { TokenBucket } from "../rate.ts";
import { ConnectionLog } from "./session-log.ts";
import { SessionStreams, type StreamsHost } from "./session-streams.ts";
import type { SessionGrants, SessionLog } from "../uplink/port.ts";
import type { PeerSocket } from "../server/index.ts";

/** What all sessions of a hub share. */
export interface SessionDeps extends InboundDeps, OwnershipDeps, PumpDeps {
  readonly clock: HubClock;
  readonly options: HubOptions;
  readonly metrics: HubMetrics;
  readonly mailbox: Mailbox;
  readonly leases: LeaseRenewer;
  readonly log: SessionLog;
  readonly origin: FrameOrigin;
  readonly newId: () => string;
  readonly createGrants: (node: string) => SessionGrants;
  /** The fence was taken; whoever held it before is to go. */
  readonly onFenced: (session: Session, fence: Fence) => void;
  readonly onEnded: (session: Session) => void;
  /** The mailbox is being told that a session is over; does not reject. */
  readonly onReleasing: (release: Promise<void>) => void;
}

/** One accepted connection. */
export interface SessionPeer {
  readonly node: string;
  readonly negotiated: boolean;
  readonly ws: PeerSocket;
  readonly socket: Duplex;
  /** Wall time at which the peer's certificate expires. */
  readonly expiresAtMs: number;
}

/**
 * One connection of one node, from its upgrade to its end. Holds the parts together: `Ownership` decides when
 * delivery may begin, `Pump` delivers, `Inbound` takes what comes up, and this keeps the deadlines of the socket.
 */
export class Session implements InboundHost, OwnershipHost, PumpHost, StreamsHost {
  readonly node: string;
  readonly connection: string;
  readonly negotiated: boolean;
  readonly grants: SessionGrants;
  readonly log: SessionLog;
  readonly reading: Reading;
  readonly out: Outbound;
  /** Cluster epoch that this session was fenced with; 0 before. */
  clusterEpoch = 0;
  readonly #deps: SessionDeps;
  readonly #peer: SessionPeer;
  readonly #in: Inbound;
  readonly #ownership: Ownership;
  readonly #pump: Pump;
  readonly #pings: TokenBucket;
  readonly #openedAtMs: number;
  #abort: AbortController | undefined;
  #streams: SessionStreams | undefined;
  #open = true;
  #heardAtMs: number;
  #keepaliveAtMs: number;
  #pingAtMs: number;

  constructor(deps: SessionDeps, peer: SessionPeer) {
    const nowMs = deps.clock.nowMs();
    this.#deps = deps;
    this.#peer = peer;
    this.node = peer.node;
    this.connection = deps.newId();
    this.negotiated = peer.negotiated;
    this.log = new ConnectionLog(deps.log, this.node, this.connection);
    this.grants = deps.createGrants(this.node);
    this.reading = new Reading(peer.ws);
    this.#openedAtMs = this.#heardAtMs = this.#keepaliveAtMs = nowMs;
    this.#pingAtMs = nowMs + deps.options.pingIntervalMs;
    this.#pings = new TokenBucket(deps.options.pingsPerSecond, deps.options.pingsPerSecond * 2, nowMs);
    this.out = new Outbound(peer.ws, deps, nowMs);
    this.#ownership = new Ownership(deps, this);
    this.#pump = new Pump(deps, this);
    this.#in = new Inbound(deps, this);
  }

  get open(): boolean {
    return this.#open;
  }

  get socket(): Duplex {
    return this.#peer.socket;
  }

  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  get owner(): Owner | undefined {
    return this.#ownership.deliverer;
  }

  /** Undefined while the edge has not said that it speaks streams. */
  get streams(): SessionStreams | undefined {
    return this.#open ? this.#streams : undefined;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (!this.#open) this.#abort.abort();
    return this.#abort.signal;
  }

  start(): void {
    const { ws, socket } = this.#peer;
    ws.on("message", (data, isBinary) => this.#onMessage(data as Buffer, isBinary));
    ws.on("pong", () => this.#heard());
    ws.on("ping", () => this.#onPing());
    ws.on("close", (code) => this.#ended(peerClosed(code)));
    ws.on("error", (error) => this.#onSocketError(error));
    socket.on("drain", () => this.#onDrain());
    this.#ownership.start();
    if (!this.negotiated) this.#pump.pushNode();
  }

  /** What breaks the WebSocket's own rules, its size among them, never becomes a message: ws ends the connection. */
  #onSocketError(err: Error & { code?: string }): void {
    if (err.code?.startsWith("WS_ERR_") !== true) {
      this.log.info({ err }, "socket failed");
      return;
    }
    const reason = err.code.slice("WS_ERR_".length).toLowerCase();
    this.#deps.metrics.rejects.inc({ surface: "tunnel", reason });
    this.log.warn({ reason }, "frame not taken");
    if (reason === "unsupported_message_length") this.#ended(EndReasons.frameTooLarge);
  }

  // Towards the hub

  /** Something may be wanted of this node. */
  wake(): void {
    this.#pump.wake();
  }

  supersede(): void {
    this.end(EndReasons.superseded);
  }

  sweep(nowMs: number): void {
    if (!this.#open || this.#isOver(nowMs)) return;
    this.#in.sweep(nowMs);
    this.reading.set(PauseReason.buffer, this.out.buffered > this.#deps.options.pauseReadingBytes);
    if (this.reading.paused) this.#heard();
    if (this.#pingAtMs <= nowMs) this.ping();
    this.#ownership.sweep(nowMs);
    this.#pump.sweep(nowMs);
  }

  end(reason: EndReason): void {
    if (!this.#open) return;
    this.#ended(reason);
    const { ws } = this.#peer;
    if (reason.code === 1006) ws.terminate();
    else ws.close(reason.code, reason.text);
    // A paused socket would never read the peer's closing frame.
    ws.resume();
  }

  // Towards ownership

  ping(): void {
    this.#pingAtMs = this.#deps.clock.nowMs() + this.#deps.options.pingIntervalMs;
    this.#peer.ws.ping();
  }

  reply(to: Frame, content: HelloReply): void {
    this.send(sessionReply(to, content, this.#deps.origin));
  }

  serveStreams(): void {
    this.#streams ??= new SessionStreams(this.#deps, this);
  }

  fenced(fence: Fence): void {
    this.clusterEpoch = fence.clusterEpoch;
    this.#deps.onFenced(this, fence);
  }

  deliver(): void {
    this.#pump.wake();
  }

  // Towards the receiving side and the uplink handlers

  keepalive(): void {
    this.#keepaliveAtMs = this.#deps.clock.nowMs();
    if (this.negotiated) this.#deps.leases.renew(this.node);
  }

  hello(frame: Frame): void {
    this.#ownership.onHello(frame);
  }

  inventory(frame: Frame): void {
    this.#ownership.onInventory(frame);
  }

  acked(msgId: string): boolean {
    return this.#pump.acked(msgId);
  }

  refused(msgId: string, counts: boolean): boolean {
    return this.#pump.refused(msgId, counts);
  }

  send(frame: Frame): void {
    if (this.#open) this.out.write(encodeFrame(frame), frame.route.operation ?? "");
  }

  pushNode(): void {
    this.#pump.pushNode();
  }

  reinstalled(): Promise<void> {
    this.#ownership.clear();
    return Promise.resolve();
  }

  // Towards the pump

  writable(): boolean {
    return this.#open && this.out.writable();
  }

  transmit(slot: Slot, what: Encoded | undefined): { msgId: string; bytes: number } {
    const { kind } = slot.want;
    const { msgId, digest, frame, notice } = framePush(
      { slot, what, node: this.node, negotiated: this.negotiated },
      this.#deps,
    );
    slot.digest = digest;
    this.#grant(slot, what);
    if (notice !== undefined) this.out.write(notice, "membership");
    return { msgId, bytes: this.out.write(frame, kind) };
  }

  write(frame: Frame, kind: string): void {
    if (this.#open) this.out.write(encodeFrame(frame), kind);
  }

  lost(): void {
    this.end(EndReasons.superseded);
  }

  nodeDeleted(): void {
    this.end(EndReasons.nodeDeleted);
  }

  complete(): void {
    if (!this.negotiated) return;
    this.send(sessionNotice(SessionOperation.complete, this.#ownership.complete, this.#deps.origin));
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (!this.#open) return;
    this.#heard();
    if (isBinary && this.#streams !== undefined) this.#streams.receive(data);
    else this.#in.receive(data, isBinary);
  }

  /** Control goes first. */
  #onDrain(): void {
    this.#pump.mark();
    this.#streams?.drained();
  }

  #heard(): void {
    this.#heardAtMs = this.#deps.clock.nowMs();
  }

  #onPing(): void {
    this.#heard();
    if (this.#pings.take(this.#heardAtMs) > 0) this.end(EndReasons.rate);
  }

  #grant(slot: Slot, what: Encoded | undefined): void {
    if (slot.want.kind !== "pod") return;
    if (what?.object !== undefined) this.grants.podSent(what.object);
    else if (what === undefined) this.grants.podGone(slot.want.namespace, slot.want.name, slot.uid);
  }

  /** Ends the session when one of its deadlines has passed. While it is not read, the peer cannot be heard. */
  #isOver(nowMs: number): boolean {
    const { options, clock } = this.#deps;
    if (this.#peer.expiresAtMs <= clock.wallMs()) this.end(EndReasons.expired);
    else if (this.out.stuck(nowMs)) this.end(EndReasons.slow);
    else if (!this.reading.paused && nowMs - this.#heardAtMs >= options.pingIntervalMs * options.pingMisses) {
      this.end(EndReasons.silent);
    } else if (this.#missesKeepalive(nowMs)) this.end(EndReasons.keepalive);
    return !this.#open;
  }

  #missesKeepalive(nowMs: number): boolean {
    if (this.negotiated) return false;
    if (this.reading.paused) this.#keepaliveAtMs = nowMs;
    return nowMs - this.#keepaliveAtMs >= this.#deps.options.legacyKeepaliveTimeoutMs;
  }

  #ended(reason: EndReason): void {
    if (!this.#open) return;
    this.#open = false;
    this.#abort?.abort();
    this.#in.stop();
    this.#streams?.close();
    const { metrics, clock } = this.#deps;
    metrics.disconnects.inc({ reason: reason.label });
    metrics.sessionSeconds.observe((clock.nowMs() - this.#openedAtMs) / 1000);
    this.log.info({ reason: reason.label, code: reason.code }, "session ended");
    this.#deps.onEnded(this);
    const released = this.#ownership.release();
    if (released !== undefined) this.#deps.onReleasing(released);
  }
}
