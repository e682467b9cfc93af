// SPDX-License-Identifier: Apache-2.0
import type { ConnectionOptions, PeerCertificate } from "node:tls";
import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import type { PeerCredential, StreamTls } from "../port.ts";
import { MAX_MESSAGE_BYTES, PEER_PATH, PEER_SERVER_NAME } from "./link.ts";

export interface DialOptions {
  /** `host:port` */
  readonly address: string;
  readonly tls: Pick<StreamTls, "ca">;
  readonly peer: PeerCredential;
  readonly minTlsVersion: "TLSv1.2" | "TLSv1.3";
  readonly timeoutMs: number;
}

/** Connects to another hub. @throws Error when that fails or takes too long */
export function dial(options: DialOptions): Promise<{ ws: WebSocket; socket: Duplex }> {
  const { tls, peer } = options;
  const secure: ConnectionOptions = {
    ca: typeof tls.ca === "string" ? tls.ca : [...tls.ca],
    cert: peer.cert,
    key: peer.key,
    minVersion: options.minTlsVersion,
    servername: PEER_SERVER_NAME,
    checkServerIdentity,
  };
  const ws = new WebSocket(`wss://${options.address}${PEER_PATH}`, {
    // All of it goes to node:tls, which ws declares in part, and in part otherwise.
    ...(secure as object),
    handshakeTimeout: options.timeoutMs,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    followRedirects: false,
  });
  return new Promise((resolve, reject) => {
    let socket: Duplex | undefined;
    ws.once("upgrade", (response) => (socket = response.socket));
    ws.once("open", () => {
      if (socket === undefined) reject(new Error("no connection below the WebSocket"));
      else resolve({ ws, socket });
    });
    // For good: an error before whoever dialed listens must not end the process.
    ws.on("error", reject);
  });
}

/**
 * In place of the comparison with the name that was dialed. A hub is dialed by the address of its pod, which changes
 * with every restart and is in no certificate. What is left is enough: our CA signed it and it is for servers, both
 * verified by TLS before this is asked, and only hubs have certificates for servers of this CA. Should some edge have
 * got such a one from a KubeEdge of before, its organization gives it away.
 */
export function checkServerIdentity(_host: string, { subject }: PeerCertificate): Error | undefined {
  const { O: organization } = subject as { readonly O?: string | readonly string[] };
  const organizations = typeof organization === "string" ? [organization] : (organization ?? []);
  return organizations.includes("system:nodes") ? new Error("this is a node, not a hub") : undefined;
}
