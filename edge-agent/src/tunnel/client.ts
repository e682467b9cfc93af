// SPDX-License-Identifier: Apache-2.0
import { STREAM_LIMITS, type IncomingStream, type StreamLimits } from "@longshore/crds/stream";
import { CloseCode, decodeFrame, WireError, type Frame } from "@longshore/crds/wire";
import type { WebSocket } from "ws";
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import type { DesiredStore, RecordStore } from "../store/port.ts";
import { createBackoff, type DialFailure } from "./backoff.ts";
import { dial, DialRefusedError, type TlsIdentity } from "./dial.ts";
import { createEnvelope } from "./envelope.ts";
import {
  createIdentityConflict,
  DEFAULT_IDENTITY_CONFLICT,
  type IdentityConflictOptions,
} from "./identity-conflict.ts";
import type { TunnelMetrics } from "./metrics.ts";
import { createPending } from "./pending.ts";
import { TunnelError, type Uplink, type UplinkRequest } from "./port.ts";
import { createRateGate } from "./rate.ts";
import { retryAfterOfClose } from "./retry-after.ts";
import {
  createSession,
  type AgentFacts,
  type Session,
  type SessionSocket,
  type SessionTimes,
} from "./session.ts";
import { createSessionSocket } from "./session-socket.ts";

/** How to reach the hub, and how patiently. */
export interface TunnelOptions {
  /** `wss://host:port` */
  readonly server: string;
  readonly projectId: string;
  /** Offer our protocol; false behaves as KubeEdge's edge does. */
  readonly negotiate: boolean;
  readonly handshakeTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly messageQps: number;
  readonly messageBurst: number;
  readonly redialMaxMs: number;
  readonly times: SessionTimes;
  readonly identityConflict: IdentityConflictOptions;
  readonly streamLimits: StreamLimits;
}

/** KubeEdge's defaults where it has one. */
export const DEFAULT_TUNNEL_OPTIONS: Omit<TunnelOptions, "server"> = {
  projectId: "e632aba927ea4ac2b575ec1603d56f10",
  negotiate: true,
  handshakeTimeoutMs: 30_000,
  requestTimeoutMs: 60_000,
  messageQps: 30,
  messageBurst: 60,
  redialMaxMs: 60_000,
  times: { helloTimeoutMs: 10_000, heartbeatMs: 15_000, pingIntervalMs: 10_000 },
  identityConflict: DEFAULT_IDENTITY_CONFLICT,
  streamLimits: STREAM_LIMITS,
};

/** What the tunnel needs of the agent. */
export interface TunnelDeps {
  readonly options: TunnelOptions;
  readonly facts: AgentFacts;
  /** Read at every dial, so that a rotated certificate is used at the next. */
  readonly identity: () => TlsIdentity;
  readonly desired: DesiredStore;
  readonly records: RecordStore;
  readonly log: AgentLog;
  readonly clock: Clock;
  readonly metrics: TunnelMetrics;
  readonly newId: () => string;
  readonly random: () => number;
  /** Answers a stream that the hub opens; absent: the agent offers none. */
  readonly onIncoming?: (incoming: IncomingStream) => void;
  /** Takes a CloudCore's order of a task of a job; absent: nobody does. */
  readonly onTaskOrder?: (frame: Frame) => void;
}

/** The connection to the cloud, as its owner sees it. */
export interface Tunnel {
  start(): void;
  /** Ends the session with a closing handshake and dials no more. */
  stop(): Promise<void>;
  /** Ends the session and dials at once, with the identity of now. */
  reconnect(): void;
  /** True when the session speaks our protocol: the keepalive renews the Lease. */
  isNegotiated(): boolean;
  /** True when the session carries streams: the hub needs no other way to open one. */
  hasStreams(): boolean;
  /** True once the hub said, in this session, that the store equals what is wanted. */
  readonly isInventoryComplete: () => boolean;
  /** Returns the unsubscriber. */
  readonly onComplete: (listener: () => void) => () => void;
}

const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024;
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;
const MAX_REQUESTS = 1000;
const STOP_TIMEOUT_MS = 2_000;
/** Types of answers that KubeEdge's edge acknowledges (patches and deletions it does not). */
const ACKED_REQUESTS = new Set(["query", "insert", "update"]);

/** The one connection to the cloud: dials, keeps a session, redials for as long as the agent lives. */
export function createTunnel(deps: TunnelDeps): Tunnel & Uplink {
  const { options, clock, log, metrics } = deps;
  const envelope = createEnvelope({ newId: deps.newId, nowMs: () => clock.nowMs() });
  const pending = createPending(clock, MAX_REQUESTS);
  const gate = createRateGate(clock, {
    perSecond: options.messageQps,
    burst: options.messageBurst,
    maxWaiting: MAX_REQUESTS,
  });
  const backoff = createBackoff({
    baseMs: 1_000,
    capMs: options.redialMaxMs,
    resetAfterMs: 60_000,
    random: deps.random,
  });
  const conflict = createIdentityConflict(options.identityConflict, deps);
  const stateListeners = new Set<(connected: boolean) => void>();
  const completeListeners = new Set<() => void>();
  let socket: WebSocket | undefined;
  let outlet: SessionSocket | undefined;
  let session: Session | undefined;
  let establishedAtMs: number | undefined;
  let complete = false;
  let running = false;
  let redialNow = false;
  let cancelRedial: (() => void) | undefined;

  const tell = <A extends unknown[]>(listeners: Set<(...args: A) => void>, ...args: A): void => {
    for (const listener of listeners) {
      try {
        listener(...args);
      } catch (err) {
        log.error({ err }, "a listener of the tunnel failed");
      }
    }
  };
  const setEstablished = (): void => {
    establishedAtMs = clock.monotonicMs();
    conflict.established();
    metrics.connected(true);
    log.info({ negotiated: session?.negotiated }, "connected to the hub");
    tell(stateListeners, true);
  };
  const setComplete = (): void => {
    if (complete) return;
    complete = true;
    log.info("inventory complete");
    tell(completeListeners);
  };
  /** Everything that belonged to the session that just ended. */
  const forgetSession = (): void => {
    const wasEstablished = establishedAtMs !== undefined;
    if (establishedAtMs !== undefined) backoff.sessionEnded(clock.monotonicMs() - establishedAtMs);
    session?.end();
    session = undefined;
    socket = undefined;
    outlet = undefined;
    establishedAtMs = undefined;
    complete = false;
    gate.clear();
    pending.failAll(new TunnelError("OFFLINE", "the connection to the hub ended"));
    metrics.connected(false);
    if (wasEstablished) tell(stateListeners, false);
  };
  const scheduleDial = (failure: DialFailure): void => {
    if (!running) return;
    const delayMs = redialNow ? 0 : backoff.nextDelayMs(failure);
    redialNow = false;
    log.debug({ delayMs: Math.round(delayMs) }, "next dial");
    cancelRedial = clock.schedule(delayMs, connect);
  };

  const connect = (): void => {
    let failure: DialFailure = {};
    let opened = false;
    let dialed: ReturnType<typeof dial>;
    try {
      dialed = dial({
        ...options,
        node: deps.facts.node,
        maxPayloadBytes: MAX_PAYLOAD_BYTES,
        tls: deps.identity(),
      });
    } catch (err) {
      log.error({ err }, "cannot dial the hub");
      scheduleDial(failure);
      return;
    }
    const ws = dialed.socket;
    socket = ws;
    const cancelTimeout = clock.schedule(options.handshakeTimeoutMs, () => ws.terminate());
    ws.on("open", () => {
      opened = true;
      cancelTimeout();
      metrics.dialed("connected");
      session = openSession(ws, dialed.isNegotiated());
      session.start();
    });
    ws.on("message", (data: Buffer, isBinary) => {
      if (socket !== ws) return;
      session?.heard();
      if (isBinary) receiveBinary(data);
      else receive(data);
    });
    ws.on("ping", () => session?.heard());
    ws.on("pong", () => session?.heard());
    let reported = false;
    ws.on("error", (err) => {
      if (!reported) failure = failureOf(err);
      if (!reported) log.warn({ err }, "connection to the hub failed");
      reported = true;
    });
    ws.on("close", (code, reason) => {
      cancelTimeout();
      if (!opened) metrics.dialed("failed");
      else log.info({ code, reason: reason.toString().slice(0, 123) }, "connection to the hub closed");
      const pauseMs = conflict.ended(code);
      if (code === CloseCode.unavailable) failure = { retryAfterMs: retryAfterOfClose(reason.toString()) };
      else if (pauseMs !== undefined) failure = { retryAfterMs: pauseMs };
      forgetSession();
      scheduleDial(failure);
    });
  };
  const openSession = (ws: WebSocket, negotiated: boolean): Session =>
    createSession({
      ...deps,
      socket: (outlet = createSessionSocket(ws, () => session?.drained())),
      negotiated,
      times: options.times,
      streamLimits: options.streamLimits,
      envelope,
      pending,
      onEstablished: setEstablished,
      onComplete: setComplete,
    });
  const receive = (data: Buffer): void => {
    let frame: Frame;
    try {
      frame = decodeFrame(data);
    } catch (err) {
      drop(err, data);
      if (err instanceof WireError && err.messageId !== undefined) session?.refuseMalformed(err.messageId);
      return;
    }
    session?.receive(frame);
  };
  const receiveBinary = (data: Buffer): void => {
    if (session?.receiveBinary(data) !== true) drop(new TunnelError("PROTOCOL", "binary frame"), data);
  };
  const drop = (err: unknown, { length: bytes }: Buffer): void => {
    metrics.rejected("downlink", "BAD");
    log.warn({ err, bytes }, "malformed frame dropped");
  };

  const isConnected = (): boolean => establishedAtMs !== undefined;
  const post = (frame: Frame): void => {
    const current = outlet;
    if (current === undefined || !isConnected()) throw new TunnelError("OFFLINE", "not connected to the hub");
    if (current.bufferedBytes() > MAX_BUFFERED_BYTES || !gate.submit(() => current.send(frame))) {
      metrics.rejected("uplink", "RATE");
      throw new TunnelError("REFUSED", "too much waits to be sent");
    }
  };
  const request: Uplink["request"] = async (what: UplinkRequest, how) => {
    const frame = envelope.request(what);
    const { header } = frame;
    const waiting = { timeoutMs: how?.timeoutMs ?? options.requestTimeoutMs, signal: how?.signal };
    if (!isConnected()) throw new TunnelError("OFFLINE", "not connected to the hub");
    const abandoned = new AbortController();
    const signal = AbortSignal.any([abandoned.signal, ...(waiting.signal ? [waiting.signal] : [])]);
    const answer = pending.wait(header.msg_id, { ...waiting, signal });
    try {
      post(frame);
    } catch (error) {
      answer.catch(() => undefined); // it rejects with what is thrown below
      abandoned.abort();
      throw error;
    }
    const reply = await answer;
    if (ACKED_REQUESTS.has(what.operation)) await session?.afterReply(reply);
    return reply;
  };

  return {
    start: () => {
      if (running) return;
      running = true;
      connect();
    },
    stop: async () => {
      running = false;
      cancelRedial?.();
      await closeSocket(socket, clock);
    },
    reconnect: () => {
      redialNow = true;
      if (socket === undefined) {
        cancelRedial?.();
        scheduleDial({});
      } else socket.close(1000);
    },
    isConnected,
    takesDeviceBatches: () => session?.takesDeviceBatches === true && isConnected(),
    request,
    send: (what) => post(envelope.request(what)),
    onState: (listener) => subscribe(stateListeners, listener),
    isNegotiated: () => session?.negotiated === true && isConnected(),
    hasStreams: () => session?.hasStreams === true && isConnected(),
    isInventoryComplete: () => complete,
    onComplete: (listener) => subscribe(completeListeners, listener),
  };
}

function failureOf(error: Error): DialFailure {
  if (error instanceof DialRefusedError) return { retryAfterMs: error.retryAfterMs };
  return { nobodyListens: NOBODY_LISTENS.has((error as NodeJS.ErrnoException).code ?? "") };
}

/** Refused by the host itself, or reset by a load balancer that has no hub behind it. */
const NOBODY_LISTENS = new Set(["ECONNREFUSED", "ECONNRESET"]);

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

async function closeSocket(socket: WebSocket | undefined, clock: Clock): Promise<void> {
  if (socket === undefined) return;
  await new Promise<void>((resolve) => {
    const cancel = clock.schedule(STOP_TIMEOUT_MS, () => socket.terminate());
    socket.once("close", () => {
      cancel();
      resolve();
    });
    socket.close(1000);
  });
}
