// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import { StreamError, type IncomingStream, type OpenedStream } from "../../src/stream/index.ts";
import {
  encodeReset,
  encodeText,
  encodeWindow,
  FRAME_TYPE,
  frameHead,
  idOfPeer,
  type StreamFrame,
} from "../../src/stream/frame.ts";
import { lonelyMux, settled, type Options } from "./link.ts";

const WINDOW = 1000;
const LIMITS = { windowBytes: WINDOW, chunkBytes: 100, maxTextBytes: 500 };
/** As the peer numbers streams: its own, and those that the mux under test opened. */
const its = (n: number): number => n;
const ours = (n: number): number => idOfPeer(n);

const open = (n: number, request: unknown = {}, windowBytes = WINDOW): Buffer =>
  encodeText(FRAME_TYPE.OPEN, its(n), request, { windowBytes, maxTextBytes: 1e6 })!;
const head = (id: number, value: unknown = {}, windowBytes = WINDOW): Buffer =>
  encodeText(FRAME_TYPE.HEAD, id, value, { windowBytes, maxTextBytes: 1e6 })!;
const data = (id: number, payload: Buffer | string | number): Buffer =>
  Buffer.concat([
    frameHead(FRAME_TYPE.DATA, id),
    typeof payload === "number" ? Buffer.alloc(payload) : Buffer.from(payload),
  ]);
const end = (id: number): Buffer => frameHead(FRAME_TYPE.END, id);
const reset = (id: number, code: "NOT_FOUND" | "CANCELLED" = "CANCELLED", message = "no"): Buffer =>
  encodeReset(id, new StreamError(code, message));

const failure = async (promise: Promise<unknown>): Promise<StreamError> => {
  const error: unknown = await promise.then(
    () => new Error("it did not fail"),
    (reason: unknown) => reason,
  );
  if (error instanceof StreamError) return error;
  throw error;
};
const outcome = (stream: Duplex): { error?: Error; isOver: boolean } => {
  const seen: { error?: Error; isOver: boolean } = { isOver: false };
  stream.on("error", (error: Error) => (seen.error = error));
  stream.on("close", () => (seen.isOver = true));
  return seen;
};
const dataOf = (frames: readonly StreamFrame[]): number[] =>
  frames.flatMap((frame) => (frame.type === "data" ? [frame.payload.length] : []));

/** A mux whose peer has opened stream 1, and what it made of it. */
function served(options: Options = {}) {
  const incoming: IncomingStream[] = [];
  const it = lonelyMux({
    onIncoming: (each) => incoming.push(each),
    ...options,
    limits: { ...LIMITS, ...options.limits },
  });
  return { ...it, incoming };
}
function accepted(options: Options = {}, credit = WINDOW) {
  const it = served(options);
  it.mux.receive(open(1, {}, credit));
  const stream = it.incoming[0]!.accept({});
  it.takeSent();
  return { ...it, stream, seen: outcome(stream) };
}
/** A mux that has opened stream 1, which its peer has accepted. */
async function opened(options: Options = {}): Promise<ReturnType<typeof served> & OpenedStream> {
  const it = served(options);
  const promise = it.mux.open({ verb: "x" });
  it.mux.receive(head(ours(1)));
  const result = await promise;
  it.takeSent();
  return { ...it, ...result };
}

describe("opening a stream", () => {
  it("asks with the request and its window, and ends with the head of the answer", async () => {
    const { mux, takeSent, counts, clock } = served();
    const promise = mux.open({ verb: "logs" });
    expect(takeSent()).toEqual([
      { type: "open", id: ours(1), creditBytes: WINDOW, request: { verb: "logs" } },
    ]);
    mux.receive(head(ours(1), { contentType: "text/plain" }));
    expect((await promise).head).toEqual({ contentType: "text/plain" });
    expect(counts).toEqual([1]);
    expect(clock.timers).toBe(0);
  });

  it("fails as the peer refuses", async () => {
    const { mux, counts, clock } = served();
    const promise = mux.open({});
    mux.receive(reset(ours(1), "NOT_FOUND", "no such pod"));
    expect(await failure(promise)).toMatchObject({ code: "NOT_FOUND", message: "no such pod" });
    expect(counts).toEqual([1, 0]);
    expect(clock.timers).toBe(0);
  });

  it("is given up when the peer does not answer in time, and the peer is told", async () => {
    const { mux, clock, takeSent } = served({ limits: { openTimeoutMs: 700 } });
    const promise = mux.open({});
    takeSent();
    clock.advance(699);
    expect(mux.live).toBe(1);
    clock.advance(1);
    expect(await failure(promise)).toMatchObject({ code: "TIMEOUT" });
    expect(takeSent()).toMatchObject([{ type: "reset", id: ours(1), error: { code: "TIMEOUT" } }]);
    expect(mux.live).toBe(0);
    mux.receive(head(ours(1)));
    mux.receive(data(ours(1), "late"));
    expect(takeSent()).toEqual([]);
  });

  it("is given up when its signal says so, and the peer is told", async () => {
    const { mux, takeSent, clock } = served();
    const abort = new AbortController();
    const promise = mux.open({}, abort.signal);
    takeSent();
    abort.abort();
    expect(await failure(promise)).toMatchObject({ code: "CANCELLED" });
    expect(takeSent()).toMatchObject([{ type: "reset", id: ours(1), error: { code: "CANCELLED" } }]);
    expect([mux.live, clock.timers]).toEqual([0, 0]);
  });

  it("sends nothing when its signal has spoken before", async () => {
    const { mux, takeSent } = served();
    expect(await failure(mux.open({}, AbortSignal.abort()))).toMatchObject({ code: "CANCELLED" });
    expect(takeSent()).toEqual([]);
  });

  it("no longer heeds its signal once it is accepted", async () => {
    const { mux, takeSent } = served();
    const abort = new AbortController();
    const promise = mux.open({}, abort.signal);
    mux.receive(head(ours(1)));
    const { stream } = await promise;
    takeSent();
    abort.abort();
    expect([stream.destroyed, mux.live, takeSent()]).toEqual([false, 1, []]);
  });

  it("fails with TOO_MANY past the limit, and goes on when one is over", async () => {
    const { mux } = served({ limits: { maxStreams: 2 } });
    const first = failure(mux.open({}));
    const second = failure(mux.open({}));
    expect(await failure(mux.open({}))).toMatchObject({ code: "TOO_MANY" });
    mux.receive(reset(ours(1)));
    await first;
    const third = failure(mux.open({}));
    expect(mux.live).toBe(2);
    mux.close(new StreamError("LOST", "gone"));
    expect([await second, await third]).toMatchObject([{ code: "LOST" }, { code: "LOST" }]);
  });

  it("refuses a request that is too long", async () => {
    const { mux, takeSent } = served();
    expect(await failure(mux.open("x".repeat(499)))).toMatchObject({ code: "BAD_REQUEST" });
    expect([mux.live, takeSent()]).toEqual([0, []]);
  });

  it.each([
    ["data", data(ours(1), "x")],
    ["window", encodeWindow(ours(1), 1)],
    ["end", end(ours(1))],
  ])("fails when %s comes before the answer", async (_what, frame) => {
    const { mux, takeSent, violations } = served();
    const promise = mux.open({});
    mux.receive(frame);
    expect(await failure(promise)).toMatchObject({ code: "BAD_REQUEST" });
    expect(takeSent()).toMatchObject([{ type: "open" }, { type: "reset" }]);
    expect(violations).toEqual([]);
  });
});

describe("a stream that the peer opens", () => {
  it("is shown with what was asked, and accepted with a head and a window", () => {
    const { mux, incoming, takeSent, counts } = served();
    mux.receive(open(1, { verb: "exec" }));
    expect(incoming[0]!.request).toEqual({ verb: "exec" });
    incoming[0]!.accept({ contentType: "text/plain" });
    expect(takeSent()).toEqual([
      { type: "head", id: its(1), creditBytes: WINDOW, head: { contentType: "text/plain" } },
    ]);
    expect(counts).toEqual([1]);
  });

  it("is refused with the reason, once", () => {
    const { mux, incoming, takeSent } = served();
    mux.receive(open(1));
    incoming[0]!.refuse(new StreamError("NOT_FOUND", "no such pod"));
    expect(takeSent()).toMatchObject([
      { type: "reset", error: { code: "NOT_FOUND", message: "no such pod" } },
    ]);
    expect(mux.live).toBe(0);
    expect(() => incoming[0]!.accept({})).toThrow("once");
  });

  it("is told when the peer gives up first, and then neither answer is sent", async () => {
    const { mux, incoming, takeSent } = served();
    mux.receive(open(1));
    mux.receive(open(2));
    mux.receive(reset(its(1)));
    mux.receive(reset(its(2)));
    expect(incoming.map((each) => each.signal.aborted)).toEqual([true, true]);
    const stream = incoming[0]!.accept({});
    incoming[1]!.refuse(new StreamError("INTERNAL", "x"));
    await settled();
    expect(stream.errored).toMatchObject({ code: "CANCELLED" });
    expect(takeSent()).toEqual([]);
    expect(mux.live).toBe(0);
  });

  it("is refused past the limit", () => {
    const { mux, incoming, takeSent } = served({ limits: { maxStreams: 1 } });
    mux.receive(open(1));
    mux.receive(open(2));
    expect(takeSent()).toMatchObject([{ type: "reset", id: its(2), error: { code: "TOO_MANY" } }]);
    expect(incoming).toHaveLength(1);
    mux.receive(data(its(2), "ignored"));
    expect(takeSent()).toEqual([]);
  });

  it("ends when its head is too long for the peer", async () => {
    const { mux, incoming, takeSent } = served();
    mux.receive(open(1));
    const stream = incoming[0]!.accept({ contentType: "x".repeat(500) });
    await settled();
    expect(takeSent()).toMatchObject([{ type: "reset", error: { code: "INTERNAL" } }]);
    expect(stream.errored).toMatchObject({ code: "INTERNAL" });
  });

  it.each([
    ["data", data(its(1), "x")],
    ["end", end(its(1))],
    ["head", head(its(1))],
  ])("is reset when %s comes before the answer", (_what, frame) => {
    const { mux, incoming, takeSent } = served();
    mux.receive(open(1));
    mux.receive(frame);
    expect(takeSent()).toMatchObject([{ type: "reset", id: its(1), error: { code: "BAD_REQUEST" } }]);
    expect(incoming[0]!.signal.aborted).toBe(true);
    expect(mux.live).toBe(0);
  });

  it("does not collide with one of the same number that this side opened", async () => {
    const it = await opened();
    it.mux.receive(open(1));
    const other = it.incoming[0]!.accept({});
    it.mux.receive(data(ours(1), "to ours"));
    it.mux.receive(data(its(1), "to theirs"));
    expect([String(it.stream.read()), String(other.read())]).toEqual(["to ours", "to theirs"]);
  });
});

describe("what breaks the rules", () => {
  it("B143 answers a frame of a stream that never was with a reset, and gives up at ten in ten seconds", () => {
    const { mux, takeSent, violations, clock } = served();
    for (let n = 1; n <= 9; n++) mux.receive(data(its(n), "x"));
    expect(takeSent()).toHaveLength(9);
    clock.advance(10_000);
    for (let n = 1; n <= 9; n++) mux.receive(n % 2 ? data(ours(n), "x") : end(its(n)));
    expect(takeSent()).toMatchObject(Array.from({ length: 9 }, () => ({ type: "reset" })));
    expect(violations).toEqual([]);
    mux.receive(encodeWindow(its(10), 1));
    expect(violations).toEqual(["too many frames for streams that never were"]);
  });

  it("B143 does not answer a stray reset, which could go on for ever, but counts it", () => {
    const { mux, takeSent, violations } = served();
    for (let n = 1; n <= 10; n++) mux.receive(reset(its(n)));
    expect(takeSent()).toEqual([]);
    expect(violations).toHaveLength(1);
  });

  it("B143 counts each stream of a peer that may open none", () => {
    const { mux, takeSent, violations } = lonelyMux();
    for (let n = 1; n <= 10; n++) mux.receive(open(n));
    expect(takeSent()).toHaveLength(10);
    expect(violations).toHaveLength(1);
  });

  it.each([
    ["in use", [open(1), open(1)]],
    ["used before", [open(1), reset(its(1)), open(1)]],
    ["below the highest", [open(5), open(3)]],
  ])("B144 gives up the connection when a stream is opened with an id %s", (_what, frames) => {
    const { mux, violations, incoming } = served();
    for (const frame of frames) mux.receive(frame);
    expect(violations).toHaveLength(1);
    expect(incoming).toHaveLength(1);
    mux.receive(open(9));
    expect(incoming).toHaveLength(1);
  });

  it("B145 ignores what comes for a stream that is over", async () => {
    const { mux, stream, takeSent, violations } = accepted();
    stream.destroy();
    await settled();
    expect(takeSent()).toMatchObject([{ type: "reset", error: { code: "CANCELLED" } }]);
    for (let i = 0; i < 20; i++) {
      for (const frame of [
        data(its(1), "x"),
        encodeWindow(its(1), 1),
        end(its(1)),
        reset(its(1)),
        head(its(1)),
      ]) {
        mux.receive(frame);
      }
    }
    expect([takeSent(), violations, mux.live]).toEqual([[], [], 0]);
  });

  it("B145 ignores data after the end of its direction, and keeps the other", async () => {
    const { mux, stream, takeSent } = accepted();
    mux.receive(data(its(1), "all"));
    mux.receive(end(its(1)));
    mux.receive(data(its(1), "more"));
    mux.receive(end(its(1)));
    expect(String(await stream.toArray())).toBe("all");
    stream.write("still");
    expect(takeSent()).toMatchObject([{ type: "data", payload: Buffer.from("still") }]);
  });

  it("B146 resets a stream whose peer sends beyond its window, and no other", async () => {
    const { mux, stream, incoming, takeSent, violations, seen } = accepted();
    mux.receive(open(2));
    const sibling = incoming[1]!.accept({});
    takeSent();
    mux.receive(data(its(1), WINDOW - 1));
    mux.receive(data(its(1), 1));
    await settled();
    expect(stream.destroyed).toBe(false);
    mux.receive(data(its(1), 1));
    await settled();
    expect(takeSent()).toMatchObject([{ type: "reset", id: its(1), error: { code: "FLOW_CONTROL" } }]);
    expect(seen.error).toMatchObject({ code: "FLOW_CONTROL" });
    mux.receive(data(its(2), "fine"));
    expect(String(sibling.read())).toBe("fine");
    expect([violations, mux.live]).toEqual([[], 1]);
  });

  it("resets a stream that gets a head in its middle", async () => {
    const { stream, mux, takeSent } = await opened();
    mux.receive(head(ours(1)));
    await settled();
    expect(stream.destroyed).toBe(true);
    expect(takeSent()).toMatchObject([{ type: "reset", error: { code: "BAD_REQUEST" } }]);
  });

  it("gives up the connection for a malformed frame, and hears nothing from then on", () => {
    const { mux, violations, incoming } = served();
    mux.receive(Buffer.from([1]));
    mux.receive(Buffer.from([1]));
    mux.receive(open(1));
    expect(violations).toEqual(["shorter than a frame"]);
    expect(incoming).toEqual([]);
  });

  it("ignores frames of types that are for later", () => {
    const { mux, violations, takeSent } = served();
    for (let i = 0; i < 20; i++) mux.receive(Buffer.from([200, 0, 0, 0, 1, 7]));
    expect([violations, takeSent()]).toEqual([[], []]);
  });
});

describe("reading", () => {
  it("gives credit back in steps of half a window, as the reader reads", () => {
    const { mux, stream, takeSent } = accepted();
    for (let i = 0; i < 10; i++) mux.receive(data(its(1), 100));
    expect(takeSent()).toEqual([]);
    stream.read(499);
    expect(takeSent()).toEqual([]);
    stream.read(1);
    expect(takeSent()).toEqual([{ type: "window", id: its(1), creditBytes: 500 }]);
    mux.receive(data(its(1), 500));
    while (stream.read() !== null);
    const step = { type: "window", id: its(1), creditBytes: 500 };
    expect(takeSent()).toEqual([step, step]);
  });

  it.each([1, 7, 250, 1000])(
    "gives all credit back to a flowing reader of pieces of %d bytes",
    async (size) => {
      const { mux, stream, takeSent, seen } = accepted();
      let got = 0;
      let granted = WINDOW;
      stream.on("data", (chunk: Buffer) => (got += chunk.length));
      for (let sent = 0; sent < 20_000; sent += size) {
        if (granted < size) await settled();
        granted += takeSent().reduce(
          (sum, frame) => sum + (frame.type === "window" ? frame.creditBytes : 0),
          0,
        );
        granted -= size;
        mux.receive(data(its(1), size));
      }
      await settled();
      expect(seen.error).toBeUndefined();
      expect(got).toBeGreaterThanOrEqual(20_000);
    },
  );

  it("grants nothing while the reader is paused, nor after the end", async () => {
    const { mux, stream, takeSent } = accepted();
    stream.on("data", () => stream.pause());
    mux.receive(data(its(1), 400));
    mux.receive(data(its(1), 600));
    await settled();
    expect([takeSent(), stream.readableLength]).toEqual([[], 600]);
    mux.receive(end(its(1)));
    stream.removeAllListeners("data").on("data", () => undefined);
    stream.resume();
    await settled();
    expect([takeSent(), stream.readableEnded]).toEqual([[], true]);
  });

  it("holds little more than the bytes when they come one by one to a paused reader", async () => {
    const size = 100_000;
    const { mux, stream } = accepted({ limits: { windowBytes: size } });
    stream.pause();
    for (let i = 0; i < size; i++) mux.receive(data(its(1), String(i % 10)));
    mux.receive(end(its(1)));
    const chunks = (await stream.toArray()) as Buffer[];
    expect(chunks.length).toBeLessThan(20);
    expect(Buffer.concat(chunks).toString()).toBe(Array.from({ length: size }, (_, i) => i % 10).join(""));
  });

  it("answers a reader that waits for a certain number of bytes as soon as they are there", async () => {
    const { mux, stream } = accepted();
    mux.receive(data(its(1), "1234"));
    expect(stream.read(6)).toBeNull();
    let isReadable = false;
    stream.on("readable", () => (isReadable = true));
    mux.receive(data(its(1), "56"));
    await settled();
    expect(isReadable).toBe(true);
    expect(String(stream.read(6))).toBe("123456");
  });
});

describe("writing", () => {
  it("cuts what is written into chunks, and sends no more than the credit", async () => {
    const { mux, stream, takeSent } = accepted({}, 250);
    let isWritten = false;
    stream.write(Buffer.alloc(400), () => (isWritten = true));
    expect(dataOf(takeSent())).toEqual([100, 100, 50]);
    mux.receive(encodeWindow(its(1), 120));
    await settled();
    expect([dataOf(takeSent()), isWritten]).toEqual([[100, 20], false]);
    mux.receive(encodeWindow(its(1), 1000));
    await settled();
    expect([dataOf(takeSent()), isWritten]).toEqual([[30], true]);
  });

  it("does not copy what is large", () => {
    const { stream, payloads } = accepted();
    const written = Buffer.allocUnsafeSlow(300);
    stream.write(written);
    expect(payloads.map((payload) => payload.buffer === written.buffer)).toEqual([true, true, true]);
  });

  it("sends small writes that wait together as one", async () => {
    const { mux, stream, takeSent } = accepted({}, 0);
    for (const word of ["one ", "two ", "", "three ", "x".repeat(90), "y".repeat(150), "z"])
      stream.write(word);
    mux.receive(encodeWindow(its(1), 1000));
    await settled();
    const frames = takeSent();
    expect(
      Buffer.concat(
        frames.map((frame) => (frame.type === "data" ? frame.payload : Buffer.alloc(0))),
      ).toString(),
    ).toBe(`one two three ${"x".repeat(90)}${"y".repeat(150)}z`);
    expect(frames.length).toBeLessThanOrEqual(6);
    expect(Math.max(...dataOf(frames))).toBeLessThanOrEqual(100);
  });

  it("waits while the connection is full, and goes on in turns when it has drained", () => {
    const { mux, incoming, takeSent, state } = served();
    const streams = [1, 2, 3].map((n) => {
      mux.receive(open(n));
      return incoming[n - 1]!.accept({});
    });
    takeSent();
    state.isWritable = false;
    for (const stream of streams) stream.write(Buffer.alloc(200));
    expect(takeSent()).toEqual([]);
    state.isWritable = true;
    mux.drained();
    expect(takeSent().map((frame) => frame.id)).toEqual([1, 2, 3, 1, 2, 3].map(its));
  });

  it("gives nobody two turns for two writes", () => {
    const { mux, incoming, takeSent, state } = served();
    for (const n of [1, 2]) mux.receive(open(n));
    const streams = incoming.map((each) => each.accept({}));
    takeSent();
    state.isWritable = false;
    for (const stream of streams) for (const bytes of [100, 300]) stream.write(Buffer.alloc(bytes));
    state.isWritable = true;
    mux.drained();
    expect(takeSent().map((frame) => frame.id)).toEqual([1, 2, 1, 2, 1, 2, 1, 2].map(its));
  });

  it("ends its direction when all was sent, and is over when both have ended", async () => {
    const { mux, stream, takeSent, counts, seen } = accepted({}, 150);
    stream.end(Buffer.alloc(200));
    await settled();
    expect(takeSent()).toMatchObject([{ type: "data" }, { type: "data" }]);
    mux.receive(encodeWindow(its(1), 100));
    await settled();
    expect(takeSent()).toMatchObject([{ type: "data" }, { type: "end" }]);
    mux.receive(data(its(1), "still coming"));
    mux.receive(end(its(1)));
    expect(String(await stream.toArray())).toBe("still coming");
    await settled();
    expect([takeSent(), counts, seen]).toEqual([[], [1, 0], { isOver: true }]);
  });

  it("tells the writer when the stream ends under a write", async () => {
    const { mux, stream } = accepted({}, 0);
    const told: unknown[] = [];
    stream.write("x", (error) => told.push(error));
    stream.write("y", (error) => told.push(error));
    mux.receive(reset(its(1), "NOT_FOUND"));
    await settled();
    expect(told).toHaveLength(2);
    expect(told.every((error) => error instanceof Error)).toBe(true);
  });
});

describe("the end of a stream before its time", () => {
  it.each([
    [
      "a StreamError",
      new StreamError("LOST", "the hub is gone"),
      { code: "LOST", message: "the hub is gone" },
    ],
    ["another error", new Error("secret"), { code: "CANCELLED", message: "the stream was given up" }],
    ["no error", undefined, { code: "CANCELLED", message: "the stream was given up" }],
  ])("is told to the peer when it is destroyed with %s", async (_what, error, want) => {
    const { stream, takeSent, mux } = accepted();
    stream.destroy(error);
    await settled();
    expect(takeSent()).toMatchObject([{ type: "reset", error: want }]);
    expect(mux.live).toBe(0);
  });

  it("is the peer's error when the peer resets, and is not answered", async () => {
    const { mux, stream, takeSent, seen } = accepted();
    mux.receive(reset(its(1), "NOT_FOUND", "the container is gone"));
    await settled();
    expect(seen).toMatchObject({
      error: { code: "NOT_FOUND", message: "the container is gone" },
      isOver: true,
    });
    expect([takeSent(), mux.live, stream.destroyed]).toEqual([[], 0, true]);
  });

  it("is not told when both directions have ended and the rest is not read", async () => {
    const { mux, stream, takeSent } = accepted();
    mux.receive(data(its(1), "unread"));
    mux.receive(end(its(1)));
    stream.end();
    await settled();
    expect([takeSent(), mux.live]).toEqual([[{ type: "end", id: its(1) }], 1]);
    stream.destroy();
    await settled();
    expect([takeSent(), mux.live]).toEqual([[], 0]);
  });

  it("does not end the process when nobody listens", async () => {
    const { mux } = await opened();
    mux.receive(reset(ours(1)));
    await settled();
    expect(mux.live).toBe(0);
  });

  it("comes to all streams with the connection's, and nothing is sent", async () => {
    const { mux, takeSent, incoming, clock, counts, stream } = await opened();
    const pending = failure(mux.open({}));
    mux.receive(open(1));
    mux.receive(open(2));
    const theirs = incoming[1]!.accept({});
    takeSent();
    const lost = new StreamError("LOST", "the session ended");
    mux.close(lost);
    mux.close(new StreamError("INTERNAL", "again"));
    await settled();
    expect(await pending).toBe(lost);
    expect([stream.errored, theirs.errored, incoming[0]!.signal.reason]).toEqual([lost, lost, lost]);
    expect(incoming[0]!.accept({}).destroyed).toBe(true);
    expect(await failure(mux.open({}))).toBe(lost);
    mux.receive(open(3));
    mux.drained();
    expect([takeSent(), mux.live, clock.timers, counts.at(-1), incoming.length]).toEqual([[], 0, 0, 0, 2]);
  });
});
