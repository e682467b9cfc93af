// SPDX-License-Identifier: Apache-2.0
import {
  createMux,
  STREAM_LIMITS,
  type IncomingStream,
  type Mux,
  type StreamError,
  type StreamLimits,
} from "@longshore/crds/stream";
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { pipeline, type Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { createAuthority, type Authority } from "../join/authority.ts";
import { startBench, type Bench } from "./bench.ts";
import { until } from "./fakes.ts";
import { down, type HubConnection } from "./hub.ts";

let authority: Authority;
let bench: Bench | undefined;
beforeAll(async () => {
  authority = await createAuthority();
});
afterEach(async () => {
  await bench?.end();
  bench = undefined;
});

const REPLY = {
  sessionEpoch: 4,
  clusterEpoch: 2,
  inventory: "match",
  pingIntervalMs: 10_000,
  keepaliveIntervalMs: 10_000,
  leaseDurationSeconds: 40,
  streams: 1,
};

interface Begun extends Bench {
  readonly connection: HubConnection;
  readonly hello: Record<string, unknown>;
  /** Sends the answer to hello. */
  reply(streams?: number): void;
}

const accepted: Duplex[] = [];
afterEach(() => void accepted.splice(0));

/** Echoes every stream. */
const echo = (incoming: IncomingStream): void => {
  const stream = incoming.accept({ contentType: "text/plain" });
  accepted.push(stream);
  pipeline(stream, stream, () => undefined);
};

async function begin(
  onIncoming?: (incoming: IncomingStream) => void,
  streamLimits: StreamLimits = STREAM_LIMITS,
): Promise<Begun> {
  const started = await startBench(authority, {
    negotiates: true,
    options: { streamLimits },
    ...(onIncoming && { onIncoming }),
  });
  bench = started;
  started.tunnel.start();
  const connection = await started.hub.connection(1);
  const hello = await connection.next("hello", ({ route }) => route.operation === "hello");
  const route = { group: "longshore", operation: "response", resource: "session" };
  return {
    ...started,
    connection,
    hello: hello.content as Record<string, unknown>,
    reply: (streams) =>
      connection.send(down(route, { ...REPLY, streams }, { parent_msg_id: hello.header.msg_id })),
  };
}

/** The hub's end of the streams. */
function muxOf({ connection, clock }: Begun, limits: StreamLimits = STREAM_LIMITS): Mux {
  const mux = createMux({
    socket: {
      send: (head, payload) => connection.socket.send(Buffer.concat([head, payload ?? Buffer.alloc(0)])),
      isWritable: () => true,
    },
    limits,
    onViolation: () => undefined,
    clock,
  });
  connection.onBinary = (message) => mux.receive(message);
  return mux;
}

describe("streams of a session", () => {
  it("are offered only where somebody answers them", async () => {
    expect((await begin()).hello).not.toHaveProperty("streams");
    await bench?.end();
    expect((await begin(echo)).hello).toMatchObject({ streams: 1 });
  });

  it("may be opened with the very next message after the hub's answer", async () => {
    const begun = await begin(echo);
    const mux = muxOf(begun);
    begun.reply(1);
    const { head, stream } = await mux.open({ verb: "read", what: "healthz" });
    expect(head).toEqual({ contentType: "text/plain" });
    stream.end("there and back");
    expect(await text(stream)).toBe("there and back");
    await until(() => begun.tunnel.hasStreams(), "a session with streams");
    expect(begun.metrics.counts.get("streamed:up")).toBeGreaterThan(14);
  });

  it("are not there when the hub did not agree: a binary message is dropped and counted", async () => {
    const asked: unknown[] = [];
    const begun = await begin((incoming) => void asked.push(incoming));
    begun.reply();
    await until(() => begun.tunnel.isConnected(), "a session");
    muxOf(begun)
      .open({ verb: "read", what: "healthz" })
      .catch(() => undefined);
    await until(() => begun.metrics.counts.get("rejected:downlink:BAD") === 1, "the refusal");
    expect([asked, begun.tunnel.hasStreams()]).toEqual([[], false]);
  });

  it("show that the hub lives", async () => {
    const begun = await begin(echo);
    const mux = muxOf(begun);
    begun.reply(1);
    await until(() => begun.tunnel.isConnected(), "a session");
    begun.clock.advance(15_000);
    const { stream } = await mux.open({ verb: "read", what: "healthz" });
    begun.clock.advance(15_000);
    expect(begun.log.lines.join()).not.toContain("silent");
    begun.clock.advance(5_000);
    expect(begun.log.lines.join()).toContain("silent");
    stream.destroy();
  });

  it("end with the session, which tells why", async () => {
    const begun = await begin(echo);
    const mux = muxOf(begun);
    begun.reply(1);
    await mux.open({ verb: "read", what: "healthz" });
    const [served] = accepted as [Duplex];
    const failed = once(served, "error") as Promise<[StreamError]>;
    begun.connection.socket.terminate();
    expect((await failed)[0]).toMatchObject({ code: "LOST" });
    expect(begun.tunnel.hasStreams()).toBe(false);
  });

  it("cost a hub that breaks their rules the session (4400)", async () => {
    const begun = await begin(echo);
    begun.reply(1);
    await until(() => begun.tunnel.isConnected(), "a session");
    const closed = once(begun.connection.socket, "close") as Promise<[number]>;
    begun.connection.socket.send(Buffer.from([0xff, 0, 0]));
    expect((await closed)[0]).toBe(4400);
    expect(begun.metrics.counts.get("rejected:downlink:STREAM")).toBe(1);
  });

  it("let a control frame pass: it waits for no data that was not written yet, and they go on after it", async () => {
    const limits = { ...STREAM_LIMITS, windowBytes: 1024 * 1024 };
    const sources: Duplex[] = [];
    const begun = await begin((incoming) => void sources.push(incoming.accept({})), limits);
    const mux = muxOf(begun, limits);
    begun.reply(1);
    const streams = await Promise.all(Array.from({ length: 48 }, () => mux.open({})));
    begun.connection.socket.pause();
    const chunk = Buffer.alloc(limits.windowBytes);
    for (const source of sources) source.write(chunk);
    const sentBytes = (): number => begun.metrics.counts.get("streamed:up") ?? 0;
    await untilStill(sentBytes);
    const beforeBytes = sentBytes();
    expect(beforeBytes).toBeLessThan(40 * limits.windowBytes);

    let receivedBytes = 0;
    const toMux = begun.connection.onBinary;
    begun.connection.onBinary = (message) => {
      receivedBytes += message.length;
      toMux(message);
    };
    let behindBytes: number | undefined;
    begun.connection.socket.on("message", (_, isBinary) => {
      if (!isBinary) behindBytes ??= receivedBytes;
    });
    begun.tunnel.send({ operation: "update", resource: "default/x/y", content: {} });
    begun.connection.socket.resume();
    for (const { stream } of streams) stream.resume();
    await until(() => behindBytes !== undefined, "the control frame");
    expect(behindBytes).toBeLessThanOrEqual(beforeBytes);
    await until(() => receivedBytes > 48 * limits.windowBytes, "all the data");
  });
});

/** Waits until a number did not change for a few turns. */
async function untilStill(read: () => number): Promise<void> {
  let last = -1;
  let same = 0;
  await until(() => {
    same = read() === last ? same + 1 : 0;
    last = read();
    return last > 0 && same > 50;
  }, "standstill");
}
