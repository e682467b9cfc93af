// SPDX-License-Identifier: Apache-2.0
import type { IncomingStream, StreamLimits } from "@longshore/crds/stream";
import {
  DEVICE_BATCH_VERSION,
  inventoryDigest,
  SESSION_GROUP,
  SessionOperation,
  STREAMS_VERSION,
  type CompleteNotice,
  type Frame,
  type HelloReply,
  type InventoryItem,
  type Nack,
} from "@longshore/crds/wire";
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import { StoreError, type DesiredStore, type RecordStore } from "../store/port.ts";
import { createAckBatcher } from "./acks.ts";
import { kindOf, toChange, type Refusal } from "./downlink.ts";
import type { Envelope } from "./envelope.ts";
import { inventoryParts } from "./inventory.ts";
import { readHelloReply } from "./hello.ts";
import { createLiveness, type Liveness } from "./liveness.ts";
import type { TunnelMetrics } from "./metrics.ts";
import type { Pending } from "./pending.ts";
import { TunnelError } from "./port.ts";
import { createSessionStreams, type SessionStreams, type StreamSocket } from "./streams.ts";

/** The part of a WebSocket that a session uses. */
export interface SessionSocket extends StreamSocket {
  send(frame: Frame): void;
  /** What waits to be written. */
  bufferedBytes(): number;
  ping(): void;
  pause(): void;
  resume(): void;
  /** Drops the connection without a closing handshake. */
  terminate(): void;
}

/** What this agent tells of itself in its hello. */
export interface AgentFacts {
  readonly node: string;
  readonly agentVersion: string;
  readonly machineId: string;
  readonly bootId: string;
}

/** Intervals of a session, in milliseconds. */
export interface SessionTimes {
  readonly helloTimeoutMs: number;
  /** Towards a CloudCore; with our protocol the hub tells. */
  readonly heartbeatMs: number;
  readonly pingIntervalMs: number;
}

/** What a session needs of the agent. */
export interface SessionDeps {
  readonly socket: SessionSocket;
  readonly negotiated: boolean;
  readonly facts: AgentFacts;
  readonly times: SessionTimes;
  readonly desired: DesiredStore;
  readonly records: RecordStore;
  readonly envelope: Envelope;
  readonly pending: Pending;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly metrics: TunnelMetrics;
  /** Who answers the streams that the hub opens; absent: none are offered. */
  readonly onIncoming?: ((incoming: IncomingStream) => void) | undefined;
  readonly streamLimits: StreamLimits;
  /** Takes a CloudCore's order of a task; absent: nobody does. */
  readonly onTaskOrder?: ((frame: Frame) => void) | undefined;
  readonly onEstablished: () => void;
  readonly onComplete: () => void;
}

/** One connection to the cloud, from its opening to its end. */
export interface Session {
  readonly negotiated: boolean;
  start(): void;
  /** True when both sides agreed to streams. */
  readonly hasStreams: boolean;
  /** True when the hub takes reports of many devices in one frame. */
  readonly takesDeviceBatches: boolean;
  receive(frame: Frame): void;
  /** A binary message. False: it was not taken, for streams were not agreed to. */
  receiveBinary(message: Buffer): boolean;
  /** The socket has room for stream data again. */
  drained(): void;
  /** A frame whose id could be read, but nothing else. */
  refuseMalformed(id: string): void;
  /** A ping, pong or any byte that shows that the peer lives. */
  heard(): void;
  /** What KubeEdge's edge does with the reply to a query, insert or update. */
  afterReply(reply: Frame): Promise<void>;
  end(): void;
}

const EPOCHS = "session";
/** Pushes that are not durable yet; beyond it the socket is not read. The hub's window is 64. */
const MAX_IN_FLIGHT = 256;

/** Speaks for one connection: greets, stores what is pushed, acknowledges, answers, and keeps it alive. */
export function createSession(deps: SessionDeps): Session {
  const { socket, envelope, records, log, metrics } = deps;
  let ended = false;
  let inFlight = 0;
  let clusterEpoch = storedNumber(records, "clusterEpoch");
  let cancelKeepalive: (() => void) | undefined;
  let helloId: string | undefined;
  let streams: SessionStreams | undefined;
  let takesDeviceBatches = false;
  const acks = createAckBatcher((batch) => send(envelope.ack(batch)));
  const liveness: Liveness = createLiveness(deps.clock, {
    ping: () => socket.ping(),
    dead: () => {
      log.warn("the hub is silent, dropping the connection");
      socket.terminate();
    },
  });

  const send = (frame: Frame): void => {
    if (!ended) socket.send(frame);
  };
  const keepalive = (intervalMs: number): void => {
    if (ended) return;
    send(envelope.keepalive());
    cancelKeepalive = deps.clock.schedule(intervalMs, () => keepalive(intervalMs));
  };
  const establish = (pingIntervalMs: number, keepaliveIntervalMs: number): void => {
    liveness.start(pingIntervalMs, !deps.negotiated);
    keepalive(keepaliveIntervalMs);
    deps.onEstablished();
  };

  const greet = async (): Promise<void> => {
    const items = deps.desired.inventory();
    const { agentVersion, machineId, bootId } = deps.facts;
    const hello = envelope.hello({
      sessionEpoch: storedNumber(records, "sessionEpoch"),
      clusterEpoch,
      inventoryDigest: inventoryDigest(items),
      inventoryCount: items.length,
      agentVersion,
      machineId,
      bootId,
      ...(deps.onIncoming && { streams: STREAMS_VERSION }),
      deviceBatch: DEVICE_BATCH_VERSION,
    });
    helloId = hello.header.msg_id;
    const answer = deps.pending.wait(hello.header.msg_id, { timeoutMs: deps.times.helloTimeoutMs });
    send(hello);
    const reply = readHelloReply(await answer);
    if (reply === undefined) throw new TunnelError("PROTOCOL", "the hub's answer to hello is malformed");
    await rememberEpochs(records, reply);
    clusterEpoch = reply.clusterEpoch;
    // Taken again: the store may have changed while the reply was on its way.
    if (reply.inventory === "send") sendInventory(deps.desired.inventory());
    takesDeviceBatches = (reply.deviceBatch ?? 0) >= DEVICE_BATCH_VERSION;
    if (!ended) establish(reply.pingIntervalMs, reply.keepaliveIntervalMs);
  };
  const sendInventory = (items: readonly InventoryItem[]): void => {
    for (const part of inventoryParts(items)) send(envelope.inventory(part));
  };

  const refuse = (frame: Frame, refusal: Refusal): void => {
    metrics.rejected("downlink", refusal.code);
    log.warn({ code: refusal.code, resource: frame.route.resource?.slice(0, 128) }, "push refused");
    if (deps.negotiated) send(envelope.nack({ id: frame.header.msg_id, ...refusal }));
    // An unknown type must not hold up a CloudCore, which sends one message at a time and waits 25 s for its ack.
    else send(refusal.code === "UNSUPPORTED" ? envelope.ok(frame) : envelope.error(frame, refusal.message));
  };
  const acknowledge = (frame: Frame): void => {
    if (deps.negotiated) acks.add(frame.header.msg_id);
    else send(envelope.ok(frame));
  };
  const store = async (frame: Frame): Promise<void> => {
    const outcome = toChange(frame, { node: deps.facts.node, clusterEpoch });
    if ("refusal" in outcome) {
      refuse(frame, outcome.refusal);
      return;
    }
    try {
      const result = await deps.desired.apply(outcome.change);
      metrics.stored(result);
      if (!ended) acknowledge(frame);
    } catch (error) {
      const full = error instanceof StoreError && error.code === "FULL";
      if (!ended)
        refuse(frame, { code: full ? "STORE_FULL" : "STORE_FAILED", message: "the edge could not store it" });
    }
  };
  const push = (frame: Frame): void => {
    if (++inFlight === MAX_IN_FLIGHT) socket.pause();
    void store(frame).finally(() => {
      if (inFlight-- === MAX_IN_FLIGHT) socket.resume();
    });
  };
  const onSession = (frame: Frame): void => {
    const notice = frame.content as Partial<CompleteNotice> | null;
    const isComplete = deps.negotiated && frame.route.operation === SessionOperation.complete;
    const isOurs = notice?.sessionEpoch === storedNumber(records, "sessionEpoch");
    if (isComplete && isOurs) deps.onComplete();
    else ignore(frame);
  };
  /** KubeEdge's edge acknowledges none of these. */
  const takeOrder = (frame: Frame): void => {
    if (deps.negotiated || deps.onTaskOrder === undefined) ignore(frame);
    else deps.onTaskOrder(frame);
  };
  const ignore = (frame: Frame): void => {
    metrics.rejected("downlink", "IGNORED");
    log.debug({ operation: frame.route.operation, group: frame.route.group }, "frame ignored");
  };
  /** At once, not after what the greeting waits for: the hub may open a stream with its next message. */
  const agreeOnStreams = (answer: Frame): void => {
    const { onIncoming, streamLimits: limits } = deps;
    if (onIncoming === undefined || streams !== undefined || ended) return;
    if ((readHelloReply(answer)?.streams ?? 0) >= STREAMS_VERSION)
      streams = createSessionStreams({ ...deps, onIncoming, limits });
  };
  const reply = (frame: Frame): void => {
    if (frame.header.parent_msg_id === helloId) agreeOnStreams(frame);
    const told = isNack(frame) ? asError(frame) : frame;
    if (!deps.pending.settle(frame.header.parent_msg_id ?? "", told))
      metrics.rejected("downlink", "NO_WAITER");
  };

  return {
    negotiated: deps.negotiated,
    get hasStreams() {
      return streams !== undefined;
    },
    get takesDeviceBatches() {
      return takesDeviceBatches;
    },
    start: () => {
      if (!deps.negotiated) {
        establish(deps.times.pingIntervalMs, deps.times.heartbeatMs);
        return;
      }
      greet().catch((err: unknown) => {
        if (ended) return;
        log.warn({ err }, "the session could not be established");
        socket.terminate();
      });
    },
    receive: (frame) => {
      liveness.heard();
      const kind = kindOf(frame);
      if (kind === "control") send(envelope.control(frame));
      else if (kind === "reply") reply(frame);
      else if (kind === "push") push(frame);
      else if (kind === "session") onSession(frame);
      else if (kind === "task") takeOrder(frame);
      else ignore(frame);
    },
    receiveBinary: (message) => {
      streams?.receive(message);
      return streams !== undefined;
    },
    drained: () => streams?.drained(),
    refuseMalformed: (id) => {
      if (deps.negotiated) send(envelope.nack({ id, code: "BAD", message: "the frame is malformed" }));
    },
    heard: () => liveness.heard(),
    afterReply: async (frame) => {
      if (deps.negotiated || ended) return;
      await storeReply(deps, frame, clusterEpoch);
      send(envelope.ok(frame));
    },
    end: () => {
      ended = true;
      liveness.stop();
      streams?.close();
      cancelKeepalive?.();
    },
  };
}

const isNack = ({ route }: Frame): boolean =>
  route.group === SESSION_GROUP && route.operation === SessionOperation.nack;

/** A typed refusal of a request reads as every refusal does: operation `error`, a text for people. */
function asError(frame: Frame): Frame {
  const { code = "", message = "" } = (frame.content ?? {}) as Partial<Nack>;
  return {
    ...frame,
    route: { ...frame.route, operation: "error" },
    content: `${code}: ${message}`.slice(0, 300),
  };
}

/**
 * A CloudCore pushes a ConfigMap or Secret only once it was asked for, so what it answers is kept, as KubeEdge's edge
 * does. A failure to keep it is no reason to withhold the answer.
 */
async function storeReply(deps: SessionDeps, reply: Frame, clusterEpoch: number): Promise<void> {
  if (!/\/(configmap|secret)\//.test(reply.route.resource ?? "") || reply.route.operation !== "response")
    return;
  const outcome = toChange(reply, { node: deps.facts.node, clusterEpoch });
  if ("refusal" in outcome) return;
  await deps.desired.apply(outcome.change).catch((err: unknown) => {
    deps.log.warn({ err, resource: reply.route.resource }, "a queried object could not be stored");
  });
}

function storedNumber(records: RecordStore, key: string): number {
  const value = records.get(EPOCHS, key);
  return typeof value === "number" ? value : 0;
}

async function rememberEpochs(records: RecordStore, reply: HelloReply): Promise<void> {
  await Promise.all([
    records.put(EPOCHS, "sessionEpoch", reply.sessionEpoch),
    records.put(EPOCHS, "clusterEpoch", reply.clusterEpoch),
  ]);
}
