// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { createSessionSocket } from "../../src/tunnel/session-socket.ts";
import { until } from "./fakes.ts";

const KIB = 1024;

let server: WebSocketServer;
let edge: WebSocket;
let hub: WebSocket;
beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  await once(server, "listening");
  const connected = once(server, "connection") as Promise<[WebSocket]>;
  edge = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(edge, "open");
  [hub] = await connected;
});
afterEach(() => {
  edge.terminate();
  hub.terminate();
  server.close();
});

/** Sends until as much as this was tried or the connection is over. @returns how much that was */
function flood(messageBytes: number, mostMessages: number): number {
  const socket = createSessionSocket(edge, () => undefined);
  const message = Buffer.alloc(messageBytes);
  let sent = 0;
  while (sent < mostMessages && edge.readyState === WebSocket.OPEN) {
    socket.sendBinary(message);
    sent += 1;
  }
  return sent;
}

describe("a hub that asks and does not read the answers", () => {
  it.each([
    { messageBytes: 64 * KIB, mostMessages: 2_000 },
    { messageBytes: 5, mostMessages: 40_000 },
  ])("loses the connection before they are too many: $messageBytes bytes each", async (those) => {
    (hub as unknown as { _socket: Socket })._socket.pause();
    const failed = once(edge, "error");
    expect(flood(those.messageBytes, those.mostMessages)).toBeLessThan(those.mostMessages);
    await expect(failed).resolves.toMatchObject([{ code: "REFUSED" }]);
  });
  it("keeps it while they are no more than agents have to say", async () => {
    let received = 0;
    hub.on("message", () => (received += 1));
    flood(64 * KIB, 200);
    flood(5, 10_000);
    await until(() => received === 10_200, "everything is received");
    expect(edge.readyState).toBe(WebSocket.OPEN);
  });
});
