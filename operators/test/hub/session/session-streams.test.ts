// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { createMux, STREAM_LIMITS, type IncomingStream, type ReadRequest } from "@longshore/crds/stream";
import { afterEach, describe, expect, it } from "@jest/globals";
import { gen } from "../support/fake-client.ts";
import type { Edge } from "../support/edge.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createRig, eventually, type Rig } from "../support/rig.ts";

let rig: Rig;
afterEach(() => rig.stop());

const READ: ReadRequest = { verb: "read", what: "healthz" };

/** An edge that speaks streams, and does this with each one that is asked for. */
async function streamingEdge(node: string, serve: (incoming: IncomingStream) => void): Promise<Edge> {
  const edge = await rig.edge(node, { negotiate: true });
  await edge.opened;
  const mux = createMux({
    socket: {
      send: (head, payload) => edge.ws.send(Buffer.concat([head, payload ?? Buffer.alloc(0)])),
      isWritable: () => true,
    },
    limits: { ...STREAM_LIMITS, maxStreams: 1000 },
    onIncoming: serve,
    onViolation: (reason) => {
      throw new Error(reason);
    },
    clock: { nowMs: () => performance.now(), schedule: () => () => undefined },
  });
  edge.onBinary = (message) => mux.receive(message);
  const reply = await edge.greet([], { streams: 1 });
  expect(reply.streams).toBe(1);
  return edge;
}

const openAt = (node: string) => {
  const opener = rig.hub.streamsOf(node);
  if (opener === undefined) throw new Error(`no streams of ${node}`);
  return opener.open(READ);
};

async function textOf(stream: Duplex): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}

describe("streams in a session", () => {
  it("carry what the edge answers, counted apart from objects", async () => {
    rig = await createRig();
    const asked: unknown[] = [];
    await streamingEdge("n1", (incoming) => {
      asked.push(incoming.request);
      incoming.accept({ contentType: "text/plain" }).end("ok");
    });
    const { head, stream } = await openAt("n1");
    expect(await rig.metric("longshore_hub_session_streams")).toBe(1);
    expect(head).toEqual({ contentType: "text/plain" });
    stream.end();
    expect(await textOf(stream)).toBe("ok");
    expect(asked).toEqual([READ]);
    await eventually(async () => (await rig.metric("longshore_hub_session_streams")) === 0);
    for (const direction of ["up", "down"])
      expect(
        await rig.metric("longshore_hub_messages_total", { direction, resource: "stream" }),
      ).toBeGreaterThan(1);
  });

  it("carry bytes to the edge and back", async () => {
    rig = await createRig();
    await streamingEdge("n1", (incoming) => {
      const echo = incoming.accept({});
      echo.pipe(echo);
    });
    const { stream } = await openAt("n1");
    const sent = Buffer.alloc(3_000_000, "0123456789");
    stream.end(sent);
    expect(await textOf(stream)).toBe(sent.toString());
  });

  it.each([
    { when: "the edge does not speak them", streams: undefined, isOn: true },
    { when: "the edge says 0", streams: 0, isOn: true },
    { when: "the hub has them off", streams: 1, isOn: false },
  ])("are not spoken when $when: a binary message closes with 1003", async ({ streams, isOn }) => {
    rig = await createRig({ options: { streams: isOn } });
    const edge = await rig.edge("n1", { negotiate: true });
    await edge.opened;
    const reply = await edge.greet([], streams === undefined ? {} : { streams });
    expect(reply).not.toHaveProperty("streams");
    expect(rig.hub.streamsOf("n1")).toBeUndefined();
    expect(rig.hub.hasSession("n1")).toBe(true);
    edge.ws.send(Buffer.from("x"), { binary: true });
    expect((await edge.closed).code).toBe(1003);
  });

  it("are not missed in a session that has not said hello yet", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1", { negotiate: true });
    await edge.opened;
    await eventually(() => rig.hub.connectedSessions === 1);
    expect(rig.hub.hasSession("n1")).toBe(false);
    await edge.greet([]);
    expect(rig.hub.hasSession("n1")).toBe(true);
    expect(rig.hub.streamsOf("n1")).toBeUndefined();
  });

  it("closes an edge whose hello has streams that are no number", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1", { negotiate: true });
    await edge.opened;
    edge.session("hello", {
      ...{ sessionEpoch: 0, clusterEpoch: 0, inventoryDigest: "", inventoryCount: 0, streams: "1" },
    });
    expect((await edge.closed).code).toBe(4400);
  });

  it("B143 in part: closes an edge that breaks the rules of streams with 4400, one count and one line", async () => {
    rig = await createRig();
    const other = await rig.ours("other");
    const edge = await streamingEdge("n1", () => undefined);
    edge.onBinary = () => undefined; // it broke the rules itself
    const stray = Buffer.from([3, 0, 0, 0, 77, 1, 2, 3]); // data for a stream that never was
    for (let i = 0; i < 10; i += 1) edge.ws.send(stray);
    expect(await edge.closed).toEqual({ code: 4400, reason: "bad stream" });
    expect(await rig.metric("edge_reject_total", { surface: "tunnel", reason: "stream" })).toBe(1);
    expect(rig.lines.filter(({ message }) => message === "stream frame not taken")).toHaveLength(1);
    expect(other.ws.readyState).toBe(other.ws.OPEN);
  });

  it("R21 in part: end with the session, told which node's connection it was", async () => {
    rig = await createRig();
    const edge = await streamingEdge("n1", (incoming) => incoming.accept({}));
    const [first, second] = [await openAt("n1"), await openAt("n1")];
    const failures = [first, second].map(async ({ stream }) => (await once(stream, "error")) as unknown[]);
    edge.ws.terminate();
    for (const [error] of await Promise.all(failures))
      expect(error).toMatchObject({ code: "LOST", message: "the connection to node n1 ended" });
    expect(rig.hub.streamsOf("n1")).toBeUndefined();
    expect(await rig.metric("longshore_hub_session_streams")).toBe(0);
  });

  it("go to the newest session after a takeover, and the older one's end", async () => {
    rig = await createRig();
    await streamingEdge("n1", (incoming) => incoming.accept({}));
    const { stream } = await openAt("n1");
    const failed = once(stream, "error");
    await streamingEdge("n1", (incoming) => incoming.accept({}).end("newer"));
    expect(await failed).toMatchObject([{ code: "LOST" }]);
    const again = await openAt("n1");
    again.stream.end();
    expect(await textOf(again.stream)).toBe("newer");
  });

  it("are at most so many in a session", async () => {
    rig = await createRig({ options: { maxStreams: 2 } });
    await streamingEdge("n1", (incoming) => incoming.accept({}));
    await openAt("n1");
    await openAt("n1");
    await expect(openAt("n1")).rejects.toMatchObject({ code: "TOO_MANY" });
  });

  it("are not held up by the uplink's rate", async () => {
    // A clock that stands still gives the uplink no more than its burst.
    rig = await createRig({ clock: new ManualClock(), options: { uplinkPerSecond: 1, uplinkBurst: 1 } });
    await streamingEdge("n1", (incoming) => {
      const stream = incoming.accept({});
      for (let i = 0; i < 500; i += 1) stream.write("line\n");
      stream.end();
    });
    const { stream } = await openAt("n1");
    stream.end();
    expect(await textOf(stream)).toHaveLength(2500);
  });
});

describe("streams on a slow link", () => {
  const BURST = Buffer.alloc(256 * 1024);
  const settle = async (turns = 50): Promise<void> => {
    for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const streamed = (): Promise<number> =>
    rig.metric("longshore_hub_messages_total", { direction: "down", resource: "stream" });

  /** More streams than the kernel's buffers hold, all written to, at an edge that does not read. */
  async function clogged(clock: ManualClock): Promise<Edge> {
    rig = await createRig({ clock, options: { pingIntervalMs: 100_000_000, maxStreams: 1000 } });
    const edge = await streamingEdge("n1", (incoming) => incoming.accept({}).resume());
    edge.ackAll();
    const opened = await Promise.all(Array.from({ length: 100 }, () => openAt("n1")));
    edge.ws.pause();
    for (const { stream } of opened) {
      stream.on("error", () => undefined);
      stream.write(BURST);
    }
    await settle();
    return edge;
  }

  it("R19 in part: keep the session while bytes move, however slowly, and end with it when none do", async () => {
    const clock = new ManualClock();
    const edge = await clogged(clock);
    edge.ws.on("message", () => edge.ws.pause()); // or all that waits could go while one looks
    for (let round = 0; round < 5; round += 1) {
      const before = await streamed();
      await eventually(async () => {
        edge.ws.resume();
        return (await streamed()) > before;
      }, "bytes moved");
      edge.ws.pause();
      for (let s = 0; s < 25; s += 1) clock.advance(1_000);
      expect(rig.hub.connectedSessions).toBe(1);
    }
    for (let s = 0; s < 62; s += 1) clock.advance(1_000);
    expect(rig.hub.connectedSessions).toBe(0);
    expect(await rig.metric("longshore_hub_disconnects_total", { reason: "slow_consumer" })).toBe(1);
  });

  it("R21 in part: let an object by that is wanted later", async () => {
    const edge = await clogged(new ManualClock());
    const written = await streamed();
    const whole = (100 * BURST.length) / STREAM_LIMITS.chunkBytes;
    expect(written).toBeLessThan(whole);
    let binaries = 0;
    const { onBinary } = edge;
    edge.onBinary = (message) => {
      binaries += 1;
      onBinary(message);
    };
    rig.client.put("configmaps", gen.object("ConfigMap", "c", { namespace: "default" }));
    rig.mailbox.want("n1", { kind: "configmap", namespace: "default", name: "c" });
    await eventually(
      async () =>
        (await rig.metric("longshore_hub_messages_total", { direction: "down", resource: "configmap" })) ===
        1,
    );
    expect(await streamed()).toBe(written);
    edge.ws.resume();
    let before = Infinity;
    const { onFrame } = edge;
    edge.onFrame = (frame) => {
      if (frame.route.resource === "default/configmap/c") before = binaries;
      onFrame(frame);
    };
    await edge.push("default/configmap/c");
    await eventually(() => binaries > before);
    // What had been written before it, and not one more.
    expect(before).toBeLessThanOrEqual(written);
  });
});
