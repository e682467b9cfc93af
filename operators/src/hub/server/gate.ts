// SPDX-License-Identifier: Apache-2.0
import { CloseCode } from "@longshore/crds/wire";
import { LRUCache } from "lru-cache";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { identifyPeer, type Identity } from "../auth/index.ts";
import type { HubClock } from "../clock.ts";
import type { HubMetrics } from "../metrics.ts";
import type { HubOptions } from "../options.ts";
import { MinuteCounter, TokenBucket } from "../rate.ts";
import type { SessionLog } from "../uplink/port.ts";
import type { Refusal } from "./admission.ts";
import type { PeerSocket } from "./tunnel-socket.ts";

/** Decides who a connection is, after TLS verified its certificate. */
export type Identify = (socket: TLSSocket, headers: IncomingHttpHeaders, nowMs: number) => Identity;

export interface GateDeps {
  readonly options: HubOptions;
  readonly clock: HubClock;
  readonly metrics: HubMetrics;
  readonly log: SessionLog;
  /** default `identifyPeer` */
  readonly identify?: Identify | undefined;
  /** Sessions of now, and whether a node has one of them. */
  readonly sessions: { readonly size: number; has(node: string): boolean };
}

/** Live connections of one node in a minute that look like several machines with one certificate. */
const FIGHTS_PER_MINUTE = 3;
const FIGHTERS_REMEMBERED = 1_000;
const RETRY_AFTER_FULL_SECONDS = 30;

/** Says who may come in: how many a second, how many at all, and only whom the certificate names. */
export class Gate {
  readonly #deps: GateDeps;
  readonly #admission: TokenBucket;
  readonly #fights = new LRUCache<string, MinuteCounter>({ max: FIGHTERS_REMEMBERED });
  #closed = false;

  constructor(deps: GateDeps) {
    const { admissionPerSecond, admissionBurst } = deps.options;
    this.#deps = deps;
    this.#admission = new TokenBucket(admissionPerSecond, admissionBurst, deps.clock.nowMs());
  }

  /** Nobody comes in any more. */
  close(): void {
    this.#closed = true;
  }

  /** Asked before an upgrade. */
  refuse(): Refusal | undefined {
    if (this.#closed) return { status: 503, text: "draining", retryAfterSeconds: 1 };
    const waitMs = this.#admission.take(this.#deps.clock.nowMs());
    if (waitMs === 0) return undefined;
    return { status: 503, text: "rate_limited", retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) };
  }

  onRefused(refusal: Refusal): void {
    this.#deps.metrics.connections.inc({ result: refusal.text });
    if (refusal.status !== 503) this.#deps.metrics.rejects.inc({ surface: "tunnel", reason: refusal.text });
    this.#deps.log.warn({ status: refusal.status, reason: refusal.text }, "connection refused");
  }

  /** Asked after an upgrade. @returns the node, or undefined when the peer was turned away */
  admit(ws: PeerSocket, request: IncomingMessage, socket: TLSSocket): string | undefined {
    const identify = this.#deps.identify ?? identifyPeer;
    const identity = identify(socket, request.headers, this.#deps.clock.wallMs());
    const { node } = identity;
    if (node === undefined) {
      this.#deps.metrics.rejects.inc({ surface: "tunnel", reason: `identity_${identity.reason}` });
      this.#turnAway(ws, { result: "identity", code: identity.closeCode, text: identity.reason });
      return undefined;
    }
    if (this.#closed) {
      this.#turnAway(ws, { result: "draining", code: CloseCode.unavailable, text: "draining retryAfter=1" });
      return undefined;
    }
    if (this.#isFull(node)) {
      const text = `full retryAfter=${RETRY_AFTER_FULL_SECONDS}`;
      this.#turnAway(ws, { result: "full", code: CloseCode.unavailable, text });
      return undefined;
    }
    this.#deps.metrics.connections.inc({ result: "ok" });
    if (this.#deps.sessions.has(node)) this.#noteFight(node);
    return node;
  }

  /** A node that comes back takes its own place, however many there are. */
  #isFull(node: string): boolean {
    const { sessions, options } = this.#deps;
    return sessions.size >= options.maxSessions && !sessions.has(node);
  }

  /** The upgrade is done, so the refusal can be a close code; nothing that the peer sends is looked at. */
  #turnAway(ws: PeerSocket, refusal: { result: string; code: number; text: string }): void {
    this.#deps.metrics.connections.inc({ result: refusal.result });
    this.#deps.log.warn({ code: refusal.code, reason: refusal.text }, "connection refused");
    // The peer may cut the connection at any moment, which is all the same by now.
    ws.on("error", () => ws.terminate());
    ws.close(refusal.code, refusal.text.slice(0, 120));
  }

  #noteFight(node: string): void {
    const counter = this.#fights.get(node) ?? new MinuteCounter();
    this.#fights.set(node, counter);
    if (counter.add(this.#deps.clock.nowMs()) !== FIGHTS_PER_MINUTE) return;
    this.#deps.metrics.rejects.inc({ surface: "tunnel", reason: "node_conflict" });
    this.#deps.log.error({ node }, "several machines use the certificate of one node");
  }
}
