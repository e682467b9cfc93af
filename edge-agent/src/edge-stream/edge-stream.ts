// SPDX-License-Identifier: Apache-2.0
import type { StreamOpener } from "@longshore/crds/stream";
import type { RawData, WebSocket } from "ws";
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import { asSessionSocket, dial, type TlsIdentity } from "./dial.ts";
import type { EdgeStreamMetrics } from "./metrics.ts";
import { defaultEdgeStreamOptions, type EdgeStreamOptions } from "./options.ts";
import { redialDelayMs } from "./redial.ts";
import { CloudSession } from "./session.ts";

export interface EdgeStreamDeps {
  /** `wss://host:port` of a CloudCore's stream tunnel; port 10004 */
  readonly server: string;
  readonly node: string;
  /** This node's internal address. */
  readonly ip: string;
  /** Asked at each dial, for certificates are renewed. */
  readonly identity: () => TlsIdentity;
  readonly opener: StreamOpener;
  readonly log: AgentLog;
  readonly clock: Clock;
  readonly metrics: EdgeStreamMetrics;
  /** Uniform in [0, 1); default Math.random */
  readonly random?: () => number;
  readonly options?: Partial<EdgeStreamOptions>;
}

/** The stream tunnel of this node to a CloudCore, which is always tried. */
export interface EdgeStream {
  start(): void;
  /** Ends all streams. */
  stop(): Promise<void>;
}

/** KubeEdge's own text; some look for it in traces. */
const PING = "ping you";
const STOP_TIMEOUT_MS = 1_000;

/** Serves the streams that a CloudCore asks of this node, as KubeEdge's edgeStream does. */
export function createEdgeStream(deps: EdgeStreamDeps): EdgeStream {
  const options = { ...defaultEdgeStreamOptions, ...deps.options };
  const { clock, log, metrics, random = Math.random } = deps;
  let isRunning = false;
  let failures = 0;
  let current: WebSocket | undefined;
  let cancelDial = (): void => undefined;

  const redial = (livedMs: number): void => {
    current = undefined;
    failures = livedMs >= options.provenAfterMs ? 0 : failures + 1;
    if (isRunning) cancelDial = clock.schedule(redialDelayMs(failures, { ...options, random }), connect);
  };
  const connect = (): void => {
    try {
      follow(dialCloud());
    } catch (err) {
      metrics.dials.inc({ result: "failed" });
      log.error({ err }, "stream tunnel to the cloud cannot be dialed");
      redial(0);
    }
  };
  const dialCloud = (): WebSocket => {
    const { server, node, ip } = deps;
    return dial({ server, node, ip, tls: deps.identity(), handshakeTimeoutMs: options.handshakeTimeoutMs });
  };
  const follow = (ws: WebSocket): void => {
    let openedAtMs: number | undefined;
    current = ws;
    ws.on("error", (err) => {
      log.warn({ err }, "stream tunnel to the cloud failed");
      ws.terminate();
    });
    ws.on("open", () => {
      openedAtMs = clock.monotonicMs();
      metrics.dials.inc({ result: "connected" });
      metrics.connected.set(1);
      log.info({ server: deps.server }, "stream tunnel to the cloud opened");
      serve(ws);
    });
    ws.once("close", (code) => {
      metrics.connected.set(0);
      if (openedAtMs === undefined) metrics.dials.inc({ result: "failed" });
      log.info({ code }, "stream tunnel to the cloud closed");
      redial(openedAtMs === undefined ? 0 : clock.monotonicMs() - openedAtMs);
    });
  };
  const serve = (ws: WebSocket): void => {
    const session = new CloudSession({
      ...deps,
      options,
      socket: asSessionSocket(ws),
      onRefused: (reason) => {
        log.error({ reason }, "the cloud refuses the stream tunnel");
        ws.close(1000);
      },
    });
    const stopWatch = watch(ws, session, options, clock);
    ws.once("close", () => {
      stopWatch();
      session.close();
    });
  };
  return {
    start: () => {
      if (isRunning) return;
      isRunning = true;
      connect();
    },
    stop: async () => {
      isRunning = false;
      cancelDial();
      if (current !== undefined) await closeSocket(current, clock);
    },
  };
}

/** Reads the socket, and cuts it when the cloud is silent for too long. @returns stops watching */
function watch(ws: WebSocket, session: CloudSession, options: EdgeStreamOptions, clock: Clock): () => void {
  let heardAtMs = clock.monotonicMs();
  const heard = (): void => {
    heardAtMs = clock.monotonicMs();
  };
  ws.on("ping", heard);
  ws.on("pong", heard);
  ws.on("message", (data) => {
    heard();
    session.receive(asBuffer(data));
  });
  const look = (): void => {
    if (session.isPaused) heard();
    if (clock.monotonicMs() - heardAtMs >= options.deadAfterMs) {
      ws.terminate();
      return;
    }
    if (ws.readyState === ws.OPEN) ws.ping(PING);
    cancel = clock.schedule(options.pingIntervalMs, look);
  };
  let cancel = clock.schedule(options.pingIntervalMs, look);
  return () => cancel();
}

/** With ws's default binaryType a message is one Buffer. */
const asBuffer = (data: RawData): Buffer => (Buffer.isBuffer(data) ? data : Buffer.concat(data as Buffer[]));

async function closeSocket(ws: WebSocket, clock: Clock): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = clock.schedule(STOP_TIMEOUT_MS, () => ws.terminate());
    ws.once("close", () => {
      cancel();
      resolve();
    });
    ws.close(1000);
  });
}
