// SPDX-License-Identifier: Apache-2.0
import { StreamError, type StreamOpener } from "@longshore/crds/stream";
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Registry } from "prom-client";
import type { RawData, WebSocket } from "ws";
import { systemClock, type Clock, type Log } from "../../runtime/index.ts";
import { TunnelConnection, type HubShare } from "./connection.ts";
import { createTunnelListener, type TlsMaterial, type TunnelRefusal } from "./listener.ts";
import { createStreamTunnelMetrics } from "./metrics.ts";
import { defaultStreamTunnelOptions, type StreamTunnelOptions } from "./options.ts";
import { asTunnelSocket } from "./socket.ts";

/** Who a connection is, by its certificate alone; TLS has verified the chain before. */
export type IdentifyNode = (
  socket: TLSSocket,
  headers: IncomingHttpHeaders,
) => { readonly node: string } | { readonly node: undefined; readonly reason: string };

export interface StreamTunnelDeps {
  readonly tls: TlsMaterial;
  readonly identify: IdentifyNode;
  readonly log: Log;
  readonly registry: Registry;
  /** default the system's */
  readonly clock?: Clock;
  readonly options?: Partial<StreamTunnelOptions>;
  /** A node's tunnel is here now. @param connection unique, and another one for each connection */
  readonly onOpened?: (node: string, connection: string) => void;
  /** It is over; when another took its place, `onOpened` of that came before. */
  readonly onClosed?: (node: string, connection: string) => void;
}

/** Where KubeEdge's edges bring their streams (port 10004). */
export interface StreamTunnel {
  listen(): Promise<void>;
  /** 0 until it listens */
  readonly port: number;
  /** The streams of a node whose tunnel ends here. */
  openerOf(node: string): StreamOpener | undefined;
  /** New connections get this from now on; those that exist stay. */
  setTls(tls: TlsMaterial): void;
  /** Ends all tunnels and their streams. */
  close(): Promise<void>;
}

interface Tunnel {
  readonly node: string;
  readonly id: string;
  readonly ws: WebSocket;
  readonly connection: TunnelConnection;
}

/** The hub's end of KubeEdge's stream tunnels: one a node, the newest. */
export function createStreamTunnel(deps: StreamTunnelDeps): StreamTunnel {
  const options = { ...defaultStreamTunnelOptions, ...deps.options };
  const { clock = systemClock, log } = deps;
  const metrics = createStreamTunnelMetrics(deps.registry);
  const tunnels = new Map<string, Tunnel>();
  const share: HubShare = { bytes: 0, streams: 0 };
  // Twice what its streams may have under way.
  const maxUnsentBytes = 2 * options.maxStreamsPerTunnel * options.chunkBytes;
  let isClosed = false;

  const admit = (socket: TLSSocket, headers: IncomingHttpHeaders): string | TunnelRefusal => {
    if (isClosed) return { status: 503, reason: "draining" };
    const identity = deps.identify(socket, headers);
    if (identity.node === undefined) return { status: 403, reason: `identity_${identity.reason}` };
    const { node } = identity;
    const claimed = headers["sessionhostnameoverride"] ?? node;
    if (claimed !== node) return { status: 403, reason: "identity_header" };
    // A node that comes back takes its own place, however many there are.
    if (tunnels.size >= options.maxTunnels && !tunnels.has(node)) return { status: 503, reason: "full" };
    return node;
  };
  const onClose = (tunnel: Tunnel): void => {
    const { node, id, connection } = tunnel;
    connection.close(new StreamError("LOST", `the stream tunnel of node "${node}" is gone`));
    if (tunnels.get(node) === tunnel) tunnels.delete(node);
    metrics.tunnels.set(tunnels.size);
    log.info({ node, connection: id }, "stream tunnel closed");
    deps.onClosed?.(node, id);
  };
  const accept = (ws: WebSocket, node: string): void => {
    const socket = asTunnelSocket(ws, maxUnsentBytes);
    const connection = new TunnelConnection({ node, socket, options, clock, share, metrics, log });
    const tunnel = { node, id: randomUUID(), ws, connection };
    const stopWatch = watch(tunnel, options, clock);
    ws.on("error", () => ws.terminate());
    ws.once("close", () => {
      stopWatch();
      onClose(tunnel);
    });
    const older = tunnels.get(node);
    tunnels.set(node, tunnel);
    metrics.tunnels.set(tunnels.size);
    metrics.connections.inc({ result: "ok" });
    log.info({ node, connection: tunnel.id }, "stream tunnel opened");
    deps.onOpened?.(node, tunnel.id);
    older?.connection.close(new StreamError("LOST", `node "${node}" has opened another stream tunnel`));
    older?.ws.close(CLOSE_GOING_AWAY, "replaced");
  };
  const listener = createTunnelListener({
    options,
    tls: deps.tls,
    admit,
    accept,
    onRefused: ({ status, reason }) => {
      metrics.connections.inc({ result: reason });
      log.warn({ status, reason }, "stream tunnel refused");
    },
  });
  return {
    listen: () => listener.listen(),
    get port() {
      return listener.port;
    },
    openerOf: (node) => tunnels.get(node)?.connection,
    setTls: (tls) => listener.setTls(tls),
    close: async () => {
      isClosed = true;
      for (const { ws, connection } of tunnels.values()) {
        // Also so that it is read again, and the peer's closing frame with it, where a reader was slow.
        connection.close(new StreamError("LOST", "this hub stops"));
        ws.close(CLOSE_GOING_AWAY, "draining");
      }
      await Promise.all([...tunnels.values()].map(({ ws }) => closed(ws)));
      await listener.close();
    },
  };
}

const CLOSE_GOING_AWAY = 1001;

const closed = (ws: WebSocket): Promise<void> =>
  new Promise((resolve) => {
    if (ws.readyState === ws.CLOSED) resolve();
    else ws.once("close", () => resolve());
  });

/** Reads the socket, and cuts it when the node is silent for too long. @returns stops watching */
function watch({ ws, connection }: Tunnel, options: StreamTunnelOptions, clock: Clock): () => void {
  let heardAtMs = clock.nowMs();
  const heard = (): void => {
    heardAtMs = clock.nowMs();
  };
  ws.on("ping", heard);
  ws.on("pong", heard);
  ws.on("message", (data) => {
    heard();
    connection.receive(asBuffer(data));
  });
  const look = (): void => {
    if (connection.isPaused) heard();
    if (clock.nowMs() - heardAtMs >= options.deadAfterMs) {
      ws.terminate();
      return;
    }
    if (ws.readyState === ws.OPEN) ws.ping();
    cancel = clock.schedule(options.pingIntervalMs, look);
  };
  let cancel = clock.schedule(options.pingIntervalMs, look);
  return () => cancel();
}

/** With ws's default binaryType a message is one Buffer. */
const asBuffer = (data: RawData): Buffer => (Buffer.isBuffer(data) ? data : Buffer.concat(data as Buffer[]));
