// SPDX-License-Identifier: Apache-2.0
import { decodeFrame, type Frame } from "@longshore/crds/wire";
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { WebSocketServer, type WebSocket } from "ws";
import type { Authority } from "../join/authority.ts";
import { until } from "./fakes.ts";

export interface Hub {
  readonly address: string;
  readonly connections: HubConnection[];
  /** Waits for connection number `n` (from 1). */
  connection(n: number): Promise<HubConnection>;
  close(): Promise<void>;
}

export interface HubConnection {
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  readonly peer: string;
  readonly frames: Frame[];
  readonly socket: WebSocket;
  pings: number;
  /** Takes the binary messages. */
  onBinary: (message: Buffer) => void;
  send(frame: unknown): void;
  /** Waits for a frame that is not yet taken, and takes it. */
  next(what: string, match: (frame: Frame) => boolean): Promise<Frame>;
}

const asTls = (socket: unknown): TLSSocket => socket as TLSSocket;

/** A hub as far as the tunnel sees it: TLS with client certificates, WebSocket, frames. */
export async function startHub(authority: Authority, negotiates: boolean, port = 0): Promise<Hub> {
  const { cert, key } = await authority.server();
  const server = createServer({
    cert,
    key,
    ca: authority.caPem,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  if (negotiates) sockets.on("headers", (headers) => void headers.push("Longshore-Protocol: 1"));
  const connections: HubConnection[] = [];
  sockets.on("connection", (socket, request) => {
    const frames: Frame[] = [];
    const subject = asTls(request.socket).getPeerCertificate().subject as { CN?: string } | undefined;
    const connection: HubConnection = {
      headers: request.headers,
      url: request.url ?? "",
      peer: subject?.CN ?? "",
      frames,
      socket,
      pings: 0,
      onBinary: () => undefined,
      send: (frame) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame)),
      next: async (what, match) => {
        await until(() => frames.some(match), what);
        const [found] = frames.splice(frames.findIndex(match), 1);
        return found!;
      },
    };
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) connection.onBinary(data);
      else frames.push(decodeFrame(data));
    });
    socket.on("ping", () => connection.pings++);
    socket.on("error", () => undefined);
    connections.push(connection);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: actual } = server.address() as AddressInfo;
  return {
    address: `wss://127.0.0.1:${actual}`,
    connections,
    connection: async (n) => {
      await until(() => connections.length >= n, `connection ${n}`);
      return connections[n - 1]!;
    },
    close: async () => {
      for (const { socket } of connections) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let ids = 0;
/** A frame from the cloud. */
export function down(route: Frame["route"], content: unknown, header: Partial<Frame["header"]> = {}): Frame {
  return {
    header: { msg_id: `down-${++ids}`, timestamp: 1, ...header },
    route: { source: "edgecontroller", group: "resource", ...route },
    content,
  };
}

/** A push of a ConfigMap. */
export function pushConfigMap(
  name: string,
  resourceVersion: string,
  header: Partial<Frame["header"]> = {},
): Frame {
  const metadata = { name, namespace: "default", uid: `uid-${name}`, resourceVersion };
  const content = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "b" } };
  return down({ operation: "update", resource: `default/configmap/${name}` }, content, header);
}
