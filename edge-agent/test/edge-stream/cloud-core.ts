// SPDX-License-Identifier: Apache-2.0
import {
  decodeTunnelMessage,
  encodeTunnelMessage,
  TUNNEL_TYPE,
  type TunnelMessage,
} from "@longshore/crds/stream";
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { WebSocketServer, type WebSocket } from "ws";
import type { Authority } from "../join/authority.ts";
import { until } from "../tunnel/fakes.ts";

export interface CloudCore {
  readonly address: string;
  readonly tunnels: CloudTunnel[];
  /** Waits for tunnel number `n` (from 1). */
  tunnel(n: number): Promise<CloudTunnel>;
  close(): Promise<void>;
}

/** The stream tunnel of one node, at a CloudCore's end. */
export class CloudTunnel {
  readonly messages: TunnelMessage[] = [];
  readonly pings: string[] = [];
  readonly ws: WebSocket;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly peer: string;
  isBinary = false;

  constructor(ws: WebSocket, url: string, headers: IncomingHttpHeaders, peer: string) {
    this.ws = ws;
    this.url = url;
    this.headers = headers;
    this.peer = peer;
    ws.on("message", (data: Buffer, isBinary) => {
      this.isBinary ||= isBinary;
      this.messages.push(decodeTunnelMessage(data));
    });
    ws.on("ping", (data) => this.pings.push(data.toString()));
    ws.on("error", () => undefined);
  }

  /** Asks for something as CloudCore does. */
  connect(id: number, type: number, url: object, rest: object = {}): void {
    const whole = { Scheme: "http", Opaque: "", User: null, Host: "127.0.0.1:10350", RawPath: "", ...url };
    this.send(id, type, JSON.stringify({ MessID: id, url: whole, header: {}, ...rest }));
  }

  send(connection: number, type: number, payload: string | Buffer): void {
    this.ws.send(encodeTunnelMessage({ connection, type, payload: Buffer.from(payload) }), { binary: false });
  }

  /** All data of one stream so far. */
  data(id: number): Buffer {
    const mine = this.messages.filter(
      ({ connection, type }) => connection === id && type === TUNNEL_TYPE.data,
    );
    return Buffer.concat(mine.map(({ payload }) => payload));
  }

  isOver(id: number): boolean {
    return this.messages.some(({ connection, type }) => connection === id && type === TUNNEL_TYPE.remove);
  }

  /** Waits for the end of a stream. @returns all its data */
  async whole(id: number): Promise<string> {
    await until(() => this.isOver(id), `end of stream ${id}`);
    return this.data(id).toString();
  }
}

const asTls = (socket: unknown): TLSSocket => socket as TLSSocket;

/** A CloudCore as far as an edge's stream tunnel sees it. */
export async function startCloudCore(authority: Authority, port = 0): Promise<CloudCore> {
  const { cert, key } = await authority.server();
  const server = createServer({
    cert,
    key,
    ca: authority.caPem,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const sockets = new WebSocketServer({ server, perMessageDeflate: false, skipUTF8Validation: true });
  const tunnels: CloudTunnel[] = [];
  sockets.on("connection", (ws, { url, headers, socket }) => {
    const subject = asTls(socket).getPeerCertificate().subject as { CN?: string } | undefined;
    tunnels.push(new CloudTunnel(ws, url ?? "", headers, subject?.CN ?? ""));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: actual } = server.address() as AddressInfo;
  return {
    address: `wss://127.0.0.1:${actual}`,
    tunnels,
    tunnel: async (n) => {
      await until(() => tunnels.length >= n, `tunnel ${n}`);
      return tunnels[n - 1]!;
    },
    close: async () => {
      for (const { ws } of tunnels) ws.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
