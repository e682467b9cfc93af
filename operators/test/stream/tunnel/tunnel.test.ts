// SPDX-License-Identifier: Apache-2.0
import {
  TUNNEL_TYPE,
  type ExecRequest,
  type LogsRequest,
  type OpenedStream,
  type StreamRequest,
} from "@longshore/crds/stream";
import { afterEach, describe, expect, it } from "@jest/globals";
import { text } from "node:stream/consumers";
import { createTestCa } from "../../hub/support/pki.ts";
import { createRig, until, type EdgeCore, type Rig } from "./edge-core.ts";

const POD = { namespace: "default", pod: "web", uid: "u-1" };
const LOGS: LogsRequest = { verb: "logs", ...POD, container: "app", options: { follow: true } };
const EXEC: ExecRequest = {
  verb: "exec",
  ...POD,
  container: "app",
  command: ["sh", "-c", ";id"],
  stdin: true,
  stdout: true,
  stderr: true,
  tty: false,
  upgrade: {
    method: "POST",
    headers: [
      ["connection", "Upgrade"],
      ["upgrade", "SPDY/3.1"],
    ],
  },
};
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\n\r\n";

let rig: Rig;
afterEach(() => rig.stop());

const open = (request: StreamRequest, signal?: AbortSignal, node = "n1"): Promise<OpenedStream> =>
  rig.tunnel.openerOf(node)!.open(request, signal);

/** Opens and lets the edge answer with these bytes. */
async function opened(
  edge: EdgeCore,
  request: StreamRequest,
  first: string,
): Promise<OpenedStream & { id: number }> {
  const stream = open(request);
  const type = request.verb === "read" ? TUNNEL_TYPE.metrics : TUNNEL_TYPE[request.verb as "logs"];
  const { connection } = await edge.next(type);
  edge.data(connection, first);
  return { ...(await stream), id: connection };
}

const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => Promise.reject(new Error("it was accepted")),
    (error: unknown) => error,
  );

const failureOf = (stream: OpenedStream["stream"]): Promise<unknown> =>
  new Promise((resolve) => stream.on("error", resolve));

describe("streams of an EdgeCore", () => {
  it("asks for a log with KubeEdge's message, and hands its bytes on", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    const opening = open(LOGS);
    const asked = await edge.next(TUNNEL_TYPE.logs);
    expect(JSON.parse(asked.payload.toString())).toMatchObject({
      MessID: asked.connection,
      url: {
        Scheme: "http",
        Host: "127.0.0.1:10350",
        Path: "/containerLogs/default/web/app",
        RawQuery: "follow=true",
      },
    });
    edge.data(asked.connection, "one\n");
    const { head, stream } = await opening;
    expect(head.contentType).toMatch(/^text\/plain/);
    edge.data(asked.connection, "two\n");
    edge.end(asked.connection);
    expect(await text(stream)).toBe("one\ntwo\n");
    expect(edge.isBinary).toEqual([false]);
    await until(() => stream.destroyed, "the stream is closed");
    expect(await rig.metric("longshore_stream_tunnel_streams")).toBe(0);
  });

  it("takes a followed log as accepted when it is silent for the time of grace, and one that ends empty", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    const silent = open(LOGS);
    await edge.next(TUNNEL_TYPE.logs);
    rig.clock.advance(1_000);
    await silent;
    const empty = open(LOGS);
    edge.end((await edge.next(TUNNEL_TYPE.logs)).connection);
    expect(await text((await empty).stream)).toBe("");
  });

  it("carries an upgrade as bytes both ways, whatever they are", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    const opening = open(EXEC);
    const asked = await edge.next(TUNNEL_TYPE.exec);
    const request = JSON.parse(asked.payload.toString()) as { url: Record<string, unknown> };
    expect(request).toMatchObject({
      method: "POST",
      header: { Connection: ["Upgrade"], Upgrade: ["SPDY/3.1"] },
    });
    expect(request.url["Path"]).toBe("/exec/default/web/u-1/app");
    expect(new URLSearchParams(request.url["RawQuery"] as string).getAll("command")).toEqual([
      "sh",
      "-c",
      ";id",
    ]);
    edge.data(asked.connection, SWITCHED);
    const { head, stream } = await opening;
    expect(head).toEqual({});
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    stream.write(bytes);
    expect((await edge.next(TUNNEL_TYPE.data)).payload).toEqual(bytes);
    edge.data(asked.connection, bytes);
    await until(() => stream.readableLength === SWITCHED.length + 256, "bytes of the edge");
    expect(stream.read()).toEqual(Buffer.concat([Buffer.from(SWITCHED), bytes]));
    expect(edge.isBinary.includes(true)).toBe(false);
  });

  it("sends 3 MB in messages of at most 32 KiB, in order", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    const { stream } = await opened(edge, EXEC, SWITCHED);
    const sent = Buffer.alloc(3_000_000, "0123456789");
    stream.write(sent);
    const parts = (): Buffer[] =>
      edge.messages.filter(({ type }) => type === TUNNEL_TYPE.data).map(({ payload }) => payload);
    await until(() => parts().reduce((sum, part) => sum + part.length, 0) === sent.length, "all bytes");
    expect(Buffer.concat(parts()).equals(sent)).toBe(true);
    expect(Math.max(...parts().map((part) => part.length))).toBe(32 * 1024);
  });

  it("tells the edge when the reader goes away or has finished", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    const log = await opened(edge, LOGS, "x");
    log.stream.destroy();
    expect((await edge.next(TUNNEL_TYPE.remove)).connection).toBe(log.id);
    const exec = await opened(edge, EXEC, SWITCHED);
    exec.stream.end();
    expect((await edge.next(TUNNEL_TYPE.remove)).connection).toBe(exec.id);
    expect(await text(exec.stream)).toBe(SWITCHED);
    expect(await rig.metric("longshore_stream_tunnel_streams")).toBe(0);
  });

  it("B145 ignores data after the end", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    const { stream, id } = await opened(edge, LOGS, "a");
    edge.end(id);
    edge.data(id, "late");
    edge.end(id);
    expect(await text(stream)).toBe("a");
    const next = await opened(edge, LOGS, "b");
    next.stream.destroy();
    expect(await rig.metric("longshore_stream_tunnel_dropped_total", { reason: "late" })).toBe(1);
  });

  it("tells an edge again that goes on with what was ended, as EdgeCore loses a word that comes too early", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    const { stream, id } = await opened(edge, LOGS, "a");
    stream.destroy();
    expect((await edge.next(TUNNEL_TYPE.remove)).connection).toBe(id);
    const late = async (): Promise<number> => {
      edge.data(id, "late");
      const probe = await opened(edge, LOGS, "b");
      edge.end(probe.id);
      return edge.messages.filter(({ type }) => type === TUNNEL_TYPE.remove).length;
    };
    expect(await late()).toBe(0);
    for (const times of [1, 2, 2]) {
      rig.clock.advance(1_000);
      expect(await late()).toBe(times);
    }
  });

  it("B143 closes a stream that nobody asked for, and keeps the tunnel", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    for (let i = 0; i < 20; i++) edge.data(1_000 + i, "x");
    expect((await edge.next(TUNNEL_TYPE.remove)).connection).toBe(1_000);
    edge.ws.send(Buffer.from([0x80]), { binary: false });
    const { stream, id } = await opened(edge, LOGS, "x");
    edge.send(id, 77, Buffer.alloc(0));
    edge.end(id);
    expect(await text(stream)).toBe("x");
    expect(await rig.metric("longshore_stream_tunnel_dropped_total", { reason: "type" })).toBe(1);
    expect(await rig.metric("longshore_stream_tunnel_dropped_total", { reason: "stray" })).toBe(20);
    expect(await rig.metric("longshore_stream_tunnel_dropped_total", { reason: "malformed" })).toBe(1);
  });

  it("refuses a request to forward ports, which KubeEdge's tunnel cannot carry", async () => {
    rig = await createRig();
    await rig.edge("n1");
    const { upgrade } = EXEC;
    const error = await errorOf(open({ verb: "portForward", ...POD, ports: [], upgrade }));
    expect(error).toMatchObject({ code: "UNSUPPORTED", message: expect.stringContaining("EdgeCore") });
  });

  it("fails when the edge ends an upgrade, or an answer in JSON, before its first byte", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    for (const request of [EXEC, { verb: "read", what: "stats/summary" }] as StreamRequest[]) {
      const error = errorOf(open(request));
      const type = request.verb === "exec" ? TUNNEL_TYPE.exec : TUNNEL_TYPE.metrics;
      edge.end((await edge.next(type)).connection);
      expect(await error).toMatchObject({ code: "INTERNAL" });
    }
    const { stream } = await opened(edge, { verb: "read", what: "pods" }, "{}");
    stream.destroy();
  });

  it("gives up an upgrade without an answer, in time or when the reader does", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    const late = errorOf(open(EXEC));
    const first = await edge.next(TUNNEL_TYPE.exec);
    const abort = new AbortController();
    const given = errorOf(open(EXEC, abort.signal));
    const second = await edge.next(TUNNEL_TYPE.exec);
    abort.abort();
    expect(await given).toMatchObject({ code: "CANCELLED" });
    expect((await edge.next(TUNNEL_TYPE.remove)).connection).toBe(second.connection);
    expect(await errorOf(open(EXEC, abort.signal))).toMatchObject({ code: "CANCELLED" });
    // Answers to the pings in between, so that the node is not taken for dead.
    for (let i = 0; i < 3; i++) {
      rig.clock.advance(9_999);
      await until(() => edge.pings >= i, "ping");
      edge.ws.ping("ping you");
      await new Promise((resolve) => edge.ws.once("pong", resolve));
    }
    rig.clock.advance(10);
    expect(await late).toMatchObject({ code: "TIMEOUT" });
    expect((await edge.next(TUNNEL_TYPE.remove)).connection).toBe(first.connection);
  });

  it("bounds the streams of one node and of the hub", async () => {
    rig = await createRig({ options: { maxStreamsPerTunnel: 2, maxStreams: 3 } });
    const one = await rig.edge("n1");
    const two = await rig.edge("n2");
    const first = await opened(one, LOGS, "x");
    await opened(one, LOGS, "x");
    expect(await errorOf(open(LOGS))).toMatchObject({
      code: "TOO_MANY",
      message: expect.stringContaining("n1"),
    });
    const other = open(LOGS, undefined, "n2");
    two.data((await two.next(TUNNEL_TYPE.logs)).connection, "x");
    await other;
    expect(await errorOf(open(LOGS, undefined, "n2"))).toMatchObject({ code: "TOO_MANY" });
    first.stream.destroy();
    await opened(one, LOGS, "x");
  });
});

describe("readers that are slow", () => {
  const FLOOD = Buffer.alloc(64 * 1024, "x");
  const limits = {
    maxStreamBytes: 1_000_000,
    pauseBytes: 400_000,
    resumeBytes: 100_000,
    stallMs: 500,
    maxPauseMs: 2_000,
  };

  it("R21 closes the stream whose reader stalls, after a moment, and no other", async () => {
    rig = await createRig({ options: limits });
    const edge = await rig.edge("n1");
    const stalled = await opened(edge, LOGS, "x");
    const sibling = await opened(edge, LOGS, "y");
    const failure = failureOf(stalled.stream);
    for (let i = 0; i < 10; i++) edge.data(stalled.id, FLOOD);
    await until(() => stalled.stream.readableLength > limits.pauseBytes, "much waits");
    edge.data(sibling.id, "more");
    rig.clock.advance(499);
    expect(stalled.stream.destroyed).toBe(false);
    rig.clock.advance(1);
    expect(await failure).toMatchObject({ code: "FLOW_CONTROL" });
    expect((await edge.next(TUNNEL_TYPE.remove)).connection).toBe(stalled.id);
    await until(() => sibling.stream.readableLength === 5, "the sibling goes on");
    edge.end(sibling.id);
    expect(await text(sibling.stream)).toBe("ymore");
    expect(await rig.metric("longshore_stream_tunnel_pauses_total")).toBe(1);
  });

  it("R21 waits for a reader that is slow for a moment, and loses nothing", async () => {
    rig = await createRig({ options: limits });
    const edge = await rig.edge("n1");
    const { stream, id } = await opened(edge, LOGS, "x");
    for (let i = 0; i < 100; i++) edge.data(id, FLOOD);
    edge.end(id);
    await until(() => stream.readableLength > limits.pauseBytes, "much waits");
    expect((await text(stream)).length).toBe(1 + 100 * FLOOD.length);
  });

  it("R21 closes a reader that moves, but holds the others up for too long", async () => {
    rig = await createRig({ options: limits });
    const edge = await rig.edge("n1");
    const { stream, id } = await opened(edge, LOGS, "x");
    const failure = failureOf(stream);
    for (let i = 0; i < 10; i++) edge.data(id, FLOOD);
    await until(() => stream.readableLength > limits.pauseBytes, "much waits");
    for (let i = 0; i < 3; i++) {
      stream.read(1_000);
      rig.clock.advance(500);
      expect(stream.destroyed).toBe(false);
    }
    stream.read(1_000);
    rig.clock.advance(500);
    expect(await failure).toMatchObject({ code: "FLOW_CONTROL" });
  });

  it("closes a stream at once beyond what one, or all, may hold", async () => {
    rig = await createRig({ options: { maxStreamBytes: 100_000, maxBytes: 150_000 } });
    const edge = await rig.edge("n1");
    const one = await opened(edge, LOGS, "x");
    edge.data(one.id, Buffer.alloc(100_001));
    expect(await failureOf(one.stream)).toMatchObject({ code: "FLOW_CONTROL" });
    const two = await opened(edge, LOGS, "x");
    const three = await opened(edge, LOGS, "x");
    edge.data(two.id, Buffer.alloc(90_000));
    edge.data(three.id, Buffer.alloc(90_000));
    expect(await failureOf(three.stream)).toMatchObject({ code: "FLOW_CONTROL" });
    two.stream.read();
    const four = await opened(edge, LOGS, "x");
    edge.data(four.id, Buffer.alloc(90_000));
    edge.end(four.id);
    expect((await text(four.stream)).length).toBe(90_001);
  });

  it("S6 closes the stream of a frame of 64 MiB; its siblings go on, and nothing is cut off", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    const victim = await opened(edge, LOGS, "x");
    const sibling = await opened(edge, LOGS, "y");
    const failure = failureOf(victim.stream);
    edge.ws.send(
      Buffer.concat([Buffer.from([victim.id, TUNNEL_TYPE.data]), Buffer.alloc(64 * 1024 * 1024)]),
      {
        binary: false,
      },
    );
    edge.data(sibling.id, Buffer.alloc(1024 * 1024, "z"));
    edge.end(sibling.id);
    expect(await failure).toMatchObject({ message: expect.stringContaining("1 MiB") });
    expect(victim.stream.readableLength).toBeLessThanOrEqual(1);
    expect((await text(sibling.stream)).length).toBe(1 + 1024 * 1024);
    expect(await rig.metric("longshore_stream_tunnel_dropped_total", { reason: "too_large" })).toBe(1);
  });
});

describe("tunnels of EdgeCores", () => {
  it("S19 refuses a node that claims another's name, whose own tunnel still serves", async () => {
    rig = await createRig();
    const b = await rig.edge("b");
    const a = await rig.dial("a", {
      headers: { SessionHostNameOverride: "b", SessionInternalIP: "10.0.0.9" },
    });
    await until(() => a.status !== undefined, "an answer");
    expect(a.status).toBe(403);
    const opening = open(LOGS, undefined, "b");
    b.data((await b.next(TUNNEL_TYPE.logs)).connection, "of b");
    await opening;
    expect(rig.events).toEqual(["opened b"]);
  });

  it("S19 knows a node by its certificate when it says no name", async () => {
    rig = await createRig();
    const edge = await rig.dial("a", { headers: {} });
    await until(() => rig.tunnel.openerOf("a") !== undefined, "tunnel of a");
    edge.ws.terminate();
  });

  it.each([
    ["a certificate of no node", { subject: "O=KubeEdge, CN=kubeedge.io" }, {}, 403],
    ["a browser", undefined, { origin: "https://x.example" }, 403],
  ])("refuses %s", async (_what, subject, headers, status) => {
    rig = await createRig();
    const identity = subject === undefined ? await rig.ca.edge("n1") : await rig.ca.issue(subject);
    const edge = await rig.dial("n1", { identity, headers });
    await until(() => edge.status !== undefined, "an answer");
    expect(edge.status).toBe(status);
  });

  it("refuses a peer whose certificate cannot be read", async () => {
    rig = await createRig({
      identify: () => {
        throw new Error("odd certificate");
      },
    });
    const edge = await rig.dial("n1");
    await until(() => edge.status !== undefined, "an answer");
    expect(edge.status).toBe(403);
    expect(await rig.metric("longshore_stream_tunnel_connections_total", { result: "identity" })).toBe(1);
  });

  it("refuses another path", async () => {
    rig = await createRig();
    const edge = await rig.dial("n1", { path: "/events" });
    await until(() => edge.status !== undefined, "an answer");
    expect(edge.status).toBe(404);
  });

  it.each(["none", "another authority's"])("ends the handshake with %s certificate", async (kind) => {
    rig = await createRig();
    const other = await createTestCa("CN=Other");
    const identity = kind === "none" ? {} : await other.edge("n1");
    const edge = await rig.dial("n1", { identity });
    await until(() => edge.closed !== undefined, "the connection ends");
    expect(edge.status).toBeUndefined();
    expect(rig.events).toEqual([]);
  });

  it("lets the newer tunnel of a node take the place of the older", async () => {
    rig = await createRig();
    const older = await rig.edge("n1");
    const { stream } = await opened(older, LOGS, "x");
    const failure = failureOf(stream);
    const newer = await rig.edge("n1");
    expect(await failure).toMatchObject({ code: "LOST" });
    await until(() => older.closed !== undefined, "the older is closed");
    await until(() => rig.events.length === 3, "all is told");
    expect(rig.events).toEqual(["opened n1", "opened n1", "closed n1"]);
    await opened(newer, LOGS, "y");
    expect(await rig.metric("longshore_stream_tunnel_connected_nodes")).toBe(1);
  });

  it("ends all streams when the node is gone, and says so", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    const { stream } = await opened(edge, EXEC, SWITCHED);
    const waiting = errorOf(open(EXEC));
    const failure = failureOf(stream);
    await edge.next(TUNNEL_TYPE.exec);
    edge.ws.terminate();
    expect(await failure).toMatchObject({ code: "LOST", message: expect.stringContaining("n1") });
    expect(await waiting).toMatchObject({ code: "LOST" });
    await until(() => rig.events.length === 2, "all is told");
    expect(rig.tunnel.openerOf("n1")).toBeUndefined();
    expect(rig.clock.waiting).toBe(0);
    expect(await rig.metric("longshore_stream_tunnel_streams")).toBe(0);
  });

  it("R21 survives 10,000 opens and closes at random, and leaks nothing", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    let random = 42;
    const chance = (of: number): boolean => (random = (random * 48_271) % 2_147_483_647) % of === 0;
    edge.ws.on("message", () => {
      for (const { connection, type } of edge.messages.splice(0)) {
        if (type !== TUNNEL_TYPE.exec) continue;
        if (!chance(10)) edge.data(connection, SWITCHED);
        if (chance(3)) edge.end(connection);
        if (chance(5)) edge.data(connection, "late");
      }
    });
    const once = async (): Promise<void> => {
      const abort = new AbortController();
      if (chance(4)) setImmediate(() => abort.abort());
      setTimeout(() => abort.abort(), 20);
      const { stream } = await open(EXEC, abort.signal);
      stream.resume();
      if (chance(2)) stream.write("input");
      if (chance(2)) stream.end();
      else stream.destroy();
    };
    for (let i = 0; i < 50; i++) await Promise.allSettled(Array.from({ length: 200 }, once));
    expect(await rig.metric("longshore_stream_tunnel_streams")).toBe(0);
    // Only the watch over the node waits for anything.
    expect(rig.clock.waiting).toBe(1);
    expect(rig.tunnel.openerOf("n1")).toBeDefined();
  });

  it("R21 notices in 20 s that a node does not answer", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    edge.ws.pause();
    for (let i = 0; i < 2; i++) {
      expect(rig.tunnel.openerOf("n1")).toBeDefined();
      rig.clock.advance(10_000);
    }
    await until(() => rig.events.includes("closed n1"), "the node is gone");
  });

  it("keeps a node that answers pings", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    for (let i = 1; i <= 5; i++) {
      rig.clock.advance(10_000);
      await until(() => edge.pings === i, "ping");
      edge.ws.ping("ping you");
      await new Promise((resolve) => edge.ws.once("pong", resolve));
    }
    expect(rig.tunnel.openerOf("n1")).toBeDefined();
  });

  it("bounds the nodes, and lets one that was here come back", async () => {
    rig = await createRig({ options: { maxTunnels: 1 } });
    await rig.edge("n1");
    const other = await rig.dial("n2");
    await until(() => other.status !== undefined, "an answer");
    expect(other.status).toBe(503);
    await rig.edge("n1");
  });

  it("takes new certificates without dropping a tunnel", async () => {
    rig = await createRig();
    await rig.edge("n1");
    const next = await createTestCa("CN=Next");
    rig.tunnel.setTls({ ca: [rig.ca.cert, next.cert], ...(await next.server()) });
    await rig.dial("n2", { ca: next.cert, identity: await next.edge("n2") });
    await until(() => rig.tunnel.openerOf("n2") !== undefined, "tunnel of n2");
    expect(rig.tunnel.openerOf("n1")).toBeDefined();
  });

  it("closes every tunnel when it stops", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1");
    await rig.tunnel.close();
    await until(() => edge.closed !== undefined, "the edge is told");
    expect(edge.closed?.code).toBe(1001);
    expect(rig.events).toEqual(["opened n1", "closed n1"]);
  });
});
