// SPDX-License-Identifier: Apache-2.0
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import type { Cri } from "../../../src/cri/index.ts";
import { runHandler } from "../../../src/pods/probes/handlers.ts";
import { deferred } from "../fakes.ts";

let server: Server | undefined;
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
});

async function serve(onSocket: (socket: Socket) => void): Promise<number> {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const every20Ms = (socket: Socket, text: string): void => {
  const timer = setInterval(() => socket.write(text), 20);
  socket.on("close", () => clearInterval(timer));
};

const probe = (port: number, timeoutMs: number) =>
  runHandler(
    { httpGet: { port } },
    {
      cri: {} as Cri,
      containerId: "c",
      container: { name: "c", image: "i" },
      ip: "127.0.0.1",
      timeoutMs,
    },
  );

describe("an HTTP probe", () => {
  it("fails in its time though the other side is never silent", async () => {
    const port = await serve((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      every20Ms(socket, "X-Again: 1\r\n");
    });
    await expect(probe(port, 200)).resolves.toEqual({ ok: false, message: "timeout" });
  });

  it("passes by its status and lets go of an endless body", async () => {
    const closed = deferred<undefined>();
    const port = await serve((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      every20Ms(socket, "more");
      socket.on("close", () => closed.resolve(undefined));
    });
    await expect(probe(port, 200)).resolves.toMatchObject({ ok: true });
    await closed.promise;
  });
});
