// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createFaultProxy, HEALTHY, type FaultProxy } from "../cluster/fault-proxy.ts";

describe("fault proxy", () => {
  let echo: Server;
  let proxy: FaultProxy;
  let client: Socket;
  beforeEach(async () => {
    echo = createServer((socket) => void socket.on("error", () => undefined).pipe(socket));
    echo.listen(0, "127.0.0.1");
    await once(echo, "listening");
    proxy = await createFaultProxy({ host: "127.0.0.1", port: (echo.address() as { port: number }).port });
    client = connect(proxy.port, "127.0.0.1");
    await once(client, "connect");
  });
  afterEach(async () => {
    client.destroy();
    await proxy.close();
    echo.close();
  });
  const received = async (): Promise<string> => String((await once(client, "data"))[0]);

  it("passes bytes both ways in order", async () => {
    client.write("one ");
    expect(await received()).toBe("one ");
    client.write("two");
    expect(await received()).toBe("two");
  });

  it("resets connections and refuses new ones while it is cut", async () => {
    client.write("x");
    await received();
    const ended = once(client, "error");
    proxy.set({ ...HEALTHY, cut: true });
    expect(String((await ended)[0])).toContain("ECONNRESET");
    const second = connect(proxy.port, "127.0.0.1");
    await once(second, "error");
    expect(proxy.connections()).toBe(0);
  });

  it("swallows one direction without closing anything", async () => {
    const reached = new Promise((resolve) =>
      echo.once("connection", (socket) => socket.once("data", resolve)),
    );
    const second = connect(proxy.port, "127.0.0.1");
    proxy.set({ ...HEALTHY, blackhole: { up: false, down: true } });
    second.write("lost");
    await reached; // the way up is open
    await new Promise((resolve) => setTimeout(resolve, 20)); // and its echo came back to the proxy
    proxy.set(HEALTHY);
    second.write("seen");
    expect(String((await once(second, "data"))[0])).toBe("seen");
    second.destroy();
  });

  it("delays each direction by its own time", async () => {
    proxy.set({ ...HEALTHY, delayMs: { up: 60, down: 40 } });
    const startedMs = performance.now();
    client.write("slow");
    await received();
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(95);
  });
});
