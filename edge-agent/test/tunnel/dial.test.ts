// SPDX-License-Identifier: Apache-2.0
import { beforeAll, expect, it } from "@jest/globals";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { dial } from "../../src/tunnel/dial.ts";
import { createAuthority, type Authority } from "../join/authority.ts";

const HEAD_BYTES = 2;
const MASK_BYTES = 4;

let authority: Authority;
beforeAll(async () => {
  authority = await createAuthority();
});

/** The mask of the first message that a dialled connection sends. */
async function maskOver(scheme: "ws" | "wss"): Promise<Buffer> {
  const tls = await authority.server();
  const http = scheme === "ws" ? createHttp() : createHttps(tls);
  const sockets = new WebSocketServer({ noServer: true });
  const sent = new Promise<Buffer>((resolve) => {
    http.on("upgrade", (request, socket: Duplex, head) => {
      socket.once("data", resolve);
      sockets.handleUpgrade(request, socket, head, () => undefined);
    });
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { socket } = dial({
    server: `${scheme}://127.0.0.1:${(http.address() as AddressInfo).port}`,
    node: "edge-1",
    projectId: "p",
    negotiate: true,
    handshakeTimeoutMs: 5_000,
    maxPayloadBytes: 1024,
    tls: { ca: authority.caPem, ...tls },
  });
  await once(socket, "open");
  socket.send("hello");
  const message = await sent;
  socket.terminate();
  http.close();
  return message.subarray(HEAD_BYTES, HEAD_BYTES + MASK_BYTES);
}

it("masks nothing that TLS carries, and everything else as browsers do", async () => {
  expect(await maskOver("wss")).toEqual(Buffer.alloc(MASK_BYTES));
  expect(await maskOver("ws")).not.toEqual(Buffer.alloc(MASK_BYTES));
});
