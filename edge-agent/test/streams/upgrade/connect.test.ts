// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { createServer, Socket, type AddressInfo, type Server } from "node:net";
import { connected, connectTcp } from "../../../src/streams/upgrade/connect.ts";
import { fakeClock } from "../../tunnel/fakes.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(): Promise<number> {
  const server = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const waiting = () => {
  const clock = fakeClock();
  const asker = new AbortController();
  return { clock, asker, wait: { clock, timeoutMs: 5_000, signal: asker.signal } };
};

describe("the connection to the runtime's streaming server", () => {
  it("is there when it is connected, and nothing of the waiting is left", async () => {
    const { clock, asker, wait } = waiting();
    const socket = await connected(connectTcp({ host: "127.0.0.1", port: await listen() }), wait);
    expect(clock.waiting()).toEqual([]);
    asker.abort();
    expect(socket.destroyed).toBe(false);
    socket.end("half closed");
    expect((await once(socket, "data"))[0]).toEqual(Buffer.from("half closed"));
    socket.destroy();
  });
  it("fails with words for the asker when nobody listens", async () => {
    const port = await listen();
    servers.pop()?.close();
    const { clock, wait } = waiting();
    await expect(connected(connectTcp({ host: "127.0.0.1", port }), wait)).rejects.toMatchObject({
      code: "INTERNAL",
      message: "the container runtime's streaming server is not reached",
    });
    expect(clock.waiting()).toEqual([]);
  });
  it("is waited for 5 s and no longer", async () => {
    const { clock, wait } = waiting();
    const socket = new Socket();
    const waited = connected(socket, wait);
    clock.advance(5_000);
    await expect(waited).rejects.toMatchObject({ code: "TIMEOUT" });
    expect(socket.destroyed).toBe(true);
  });
  it("is given up when the asker gives up, before and while it is made", async () => {
    const { asker, wait } = waiting();
    const socket = new Socket();
    const waited = connected(socket, wait);
    asker.abort();
    await expect(waited).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(connected(new Socket(), wait)).rejects.toMatchObject({ code: "CANCELLED" });
    expect(socket.destroyed).toBe(true);
  });
});
