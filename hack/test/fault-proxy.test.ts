// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createFaultProxy, HEALTHY, type FaultProxy } from "../cluster/fault-proxy.ts";
import { waitFor } from "../wait.ts";

describe("fault proxy", () => {
  let echo: Server;
  let echoedBytes = 0;
  let proxy: FaultProxy;
  let client: Socket;
  beforeEach(async () => {
    echoedBytes = 0;
    echo = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (chunk) => {
        echoedBytes += chunk.length;
        socket.write(chunk);
      });
    });
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
    expect(proxy.bytes()).toEqual({ up: 7, down: 7 });
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
    client.write("first");
    expect(await received()).toBe("first");
    proxy.set({ ...HEALTHY, blackhole: { up: false, down: true } });
    client.write("lost");
    await waitFor(() => echoedBytes === 9, { what: "the way up", timeoutMs: 20_000, intervalMs: 5 });
    await new Promise((resolve) => setTimeout(resolve, 20)); // its echo comes back to the proxy
    proxy.set(HEALTHY);
    client.write("seen");
    expect(await received()).toBe("seen");
  });

  it("delays each direction by its own time", async () => {
    proxy.set({ ...HEALTHY, delayMs: { up: 60, down: 40 } });
    const startedMs = performance.now();
    client.write("slow");
    await received();
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(95);
  });

  it("leads new connections to another target, while those that are there stay", async () => {
    const other = createServer((socket) => void socket.on("error", () => undefined).end("other"));
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    proxy.set({ ...HEALTHY, targetPort: (other.address() as { port: number }).port });
    const second = connect(proxy.port, "127.0.0.1");
    expect(String((await once(second, "data"))[0])).toBe("other");
    client.write("still here");
    expect(await received()).toBe("still here");
    other.close();
  });
});
