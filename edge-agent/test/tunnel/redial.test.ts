// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { createServer, type Server } from "node:https";
import { once } from "node:events";
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { createBackoff } from "../../src/tunnel/backoff.ts";
import { retryAfterOfClose, retryAfterOfHeader } from "../../src/tunnel/retry-after.ts";
import { createAuthority, type Authority } from "../join/authority.ts";
import { startBench, type Bench } from "./bench.ts";
import { until } from "./fakes.ts";

let authority: Authority;
let bench: Bench | undefined;
let server: Server | undefined;
beforeAll(async () => {
  authority = await createAuthority();
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await bench?.end();
  [bench, server] = [undefined, undefined];
});

/** Dials a server that answers the upgrade as `answer` does. */
async function dialRefusing(
  answer: string | Buffer,
  endless = false,
): Promise<Bench & { sent: () => number; dials: () => number }> {
  const { cert, key } = await authority.server();
  let [sent, dials] = [0, 0];
  server = createServer({ cert, key });
  server.on("upgrade", (_request, socket) => {
    dials++;
    socket.on("error", () => undefined);
    socket.write(answer);
    const chunk = Buffer.alloc(16 * 1024, "x");
    const flood = (): void => {
      if (socket.destroyed) return;
      sent += chunk.length;
      if (socket.write(chunk)) setImmediate(flood);
      else socket.once("drain", flood);
    };
    if (endless) flood();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  bench = await startBench(authority, { negotiates: true, options: { server: `wss://127.0.0.1:${port}` } });
  bench.tunnel.start();
  return { ...bench, sent: () => sent, dials: () => dials };
}

describe("a dial that fails", () => {
  it("S7 hangs up on an endless answer, and backs off", async () => {
    const { clock, sent, dials, log } = await dialRefusing(
      "HTTP/1.1 500 No\r\nContent-Type: text/plain\r\n\r\n",
      true,
    );
    await until(() => clock.waiting().length > 0 && log.lines.length > 1, "the redial");
    expect(log.lines.join()).toContain("status 500");
    expect(clock.waiting()).toEqual([500]);
    const before = sent();
    await new Promise((resolve) => setTimeout(resolve, 100)); // real time: an agent that still read would be fed
    expect(sent() - before).toBeLessThan(1024 * 1024);
    clock.advance(500);
    await until(() => dials() === 2, "the second dial");
  });

  it("waits as long as a 503 says", async () => {
    const { clock, log } = await dialRefusing(
      "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
    );
    await until(() => log.lines.some((line) => line.includes("next dial")), "the redial");
    expect(clock.waiting()).toEqual([10_500]);
  });

  it("goes on for ever where nobody listens, with growing pauses up to the limit", async () => {
    const { clock, log, tunnel } = (bench = await startBench(authority, {
      negotiates: true,
      options: { server: "wss://127.0.0.1:1", redialMaxMs: 8_000 },
    }));
    tunnel.start();
    const pauses: (number | undefined)[] = [];
    for (let dial = 1; dial <= 6; dial++) {
      await until(
        () => log.lines.filter((line) => line.includes("next dial")).length === dial,
        `pause ${dial}`,
      );
      pauses.push(clock.waiting()[0]);
      clock.advance(clock.waiting()[0] ?? 0);
    }
    expect(pauses).toEqual([500, 1000, 2000, 2000, 2000, 2000]);
  });

  it("finds a hub behind a load balancer soon: a reset before TLS means that nobody listens", async () => {
    const balancer = createTcpServer((socket) => void socket.resetAndDestroy());
    await new Promise<void>((resolve) => balancer.listen(0, "127.0.0.1", resolve));
    const { port } = balancer.address() as AddressInfo;
    const { clock, log, tunnel } = (bench = await startBench(authority, {
      negotiates: true,
      options: { server: `wss://127.0.0.1:${port}`, redialMaxMs: 60_000 },
    }));
    tunnel.start();
    for (let dial = 1; dial <= 6; dial++) {
      await until(
        () => log.lines.filter((line) => line.includes("next dial")).length === dial,
        `pause ${dial}`,
      );
      expect(clock.waiting()[0]).toBeLessThanOrEqual(2_000); // half of the ceiling, with this bench's jitter
      clock.advance(clock.waiting()[0] ?? 0);
    }
    balancer.close();
  });

  it("does not trust a hub of another CA", async () => {
    const other = await createAuthority();
    bench = await startBench(authority, { negotiates: true });
    const foreign = await startBench(other, { negotiates: true, options: { server: bench.hub.address } });
    foreign.tunnel.start();
    await until(() => foreign.log.lines.some((line) => line.includes("failed")), "the failure");
    expect(bench.hub.connections).toHaveLength(0);
    await foreign.end();
  });
});

describe("a hub that lies about sizes", () => {
  it("S8 is closed with 1009 when a frame claims 4 GiB, before anything of it is read", async () => {
    bench = await startBench(authority, { negotiates: false });
    const { tunnel, hub } = bench;
    tunnel.start();
    const connection = await hub.connection(1);
    await until(() => tunnel.isConnected(), "the session");
    const closed = once(connection.socket, "close");
    const header = Buffer.alloc(10);
    header.set([0x81, 127]);
    header.writeBigUInt64BE(4n * 1024n ** 3n, 2);
    (connection.socket as unknown as { _socket: Socket })._socket.write(header);
    expect((await closed)[0]).toBe(1009);
    await until(() => !tunnel.isConnected(), "the end");
  });
});

describe("a session that ends", () => {
  async function session(bench: Bench, n: number) {
    const connection = await bench.hub.connection(n);
    await until(() => bench.tunnel.isConnected(), `session ${n}`);
    return connection;
  }

  it("R7 in part: is given up when the peer is silent for two ping intervals", async () => {
    bench = await startBench(authority, { negotiates: false });
    const { clock, tunnel } = bench;
    tunnel.start();
    const connection = await session(bench, 1);
    connection.socket.pause(); // the peer is there, but nothing comes back
    clock.advance(10_000);
    expect(tunnel.isConnected()).toBe(true);
    clock.advance(10_000);
    await until(() => !tunnel.isConnected(), "the end of the session");
  });

  it("is dialled again within a second after a restart of the hub", async () => {
    bench = await startBench(authority, { negotiates: false, random: () => 0.999 });
    bench.tunnel.start();
    const connection = await session(bench, 1);
    bench.clock.advance(5_000);
    connection.socket.close(1012);
    await until(() => !bench!.tunnel.isConnected(), "the end");
    await until(() => bench!.clock.waiting().length > 0, "a redial");
    expect(bench.clock.waiting()[0]).toBeLessThan(1000);
    bench.clock.advance(1000);
    await session(bench, 2);
  });

  it("waits as long as a 4503 says", async () => {
    bench = await startBench(authority, { negotiates: false });
    bench.tunnel.start();
    (await session(bench, 1)).socket.close(4503, "draining; retryAfterMs=4000");
    await until(() => !bench!.tunnel.isConnected() && bench!.clock.waiting().length > 0, "a redial");
    expect(bench.clock.waiting()).toEqual([6_000]);
  });

  it("is replaced at once by reconnect(), with the identity of then", async () => {
    bench = await startBench(authority, { negotiates: false });
    bench.tunnel.start();
    await session(bench, 1);
    bench.tunnel.reconnect();
    await until(() => !bench!.tunnel.isConnected(), "the end");
    await until(() => bench!.clock.waiting().includes(0), "a redial");
    bench.clock.advance(0);
    await session(bench, 2);
  });
});

describe("the backoff", () => {
  const options = { baseMs: 1000, capMs: 60_000, resetAfterMs: 60_000, random: () => 1 };
  it("doubles to its cap", () => {
    const backoff = createBackoff(options);
    const delays = Array.from({ length: 8 }, () => backoff.nextDelayMs());
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((s) => s * 1000));
  });
  it.each([
    { healthyMs: 60_000, then: 1000, what: "forgets all after a minute of health" },
    { healthyMs: 3_000, then: 2000, what: "R6 in part: stays quick while a link flaps" },
    { healthyMs: 500, then: 8000, what: "goes on growing when a hub accepts and dies" },
  ])("$what", ({ healthyMs, then }) => {
    const backoff = createBackoff(options);
    for (let i = 0; i < 3; i++) backoff.nextDelayMs();
    backoff.sessionEnded(healthyMs);
    expect(backoff.nextDelayMs()).toBe(then);
  });
  it("finds a hub within 4 s of its start, however long nothing listened", () => {
    const backoff = createBackoff(options);
    for (let i = 0; i < 10; i++)
      expect(backoff.nextDelayMs({ nobodyListens: true })).toBeLessThanOrEqual(4_000);
  });
  it("spreads a fleet over the whole pause", () => {
    const delays = Array.from({ length: 1000 }, () =>
      createBackoff({ ...options, random: Math.random }).nextDelayMs(),
    );
    expect(Math.min(...delays)).toBeLessThan(100);
    expect(Math.max(...delays)).toBeGreaterThan(900);
  });
});

describe("retryAfter", () => {
  it.each([
    ["retryAfter=5", 5000],
    ["retryAfterMs=1500", 1500],
    ['{"retryAfterMs":250}', 250],
    ["draining, retryAfter: 2", 2000],
    ["retryAfter=99999999", 300_000],
    ["draining", undefined],
    ["retryAfter=-5", undefined],
  ])("%s is %s ms", (reason, ms) => {
    expect(retryAfterOfClose(reason)).toBe(ms);
  });
  it.each([
    ["5", 5000],
    ["Wed, 21 Oct 2026 07:28:00 GMT", undefined],
    [undefined, undefined],
  ])("a header of %s is %s ms", (header, ms) => {
    expect(retryAfterOfHeader(header)).toBe(ms);
  });
});
