// SPDX-License-Identifier: Apache-2.0
import { Duplex, duplexPair, Readable } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import {
  serveIncoming,
  StreamError,
  type OpenedStream,
  type ResolveStream,
  type StreamRequest,
} from "../../src/stream/index.ts";
import { pairOfMuxes, settled } from "./link.ts";

const REQUEST: StreamRequest = { verb: "read", what: "healthz" };

interface Opened {
  readonly request: StreamRequest;
  readonly signal: AbortSignal | undefined;
}

/** Side a asks; side b serves it from what `open` gives. */
function serving(open: (asked: Opened) => Promise<OpenedStream>, resolve?: ResolveStream) {
  const unexpected: unknown[] = [];
  const asked: Opened[] = [];
  const opener = {
    open: (request: StreamRequest, signal?: AbortSignal) => {
      asked.push({ request, signal });
      return open({ request, signal });
    },
  };
  const pair = pairOfMuxes({
    onIncoming: (incoming) =>
      serveIncoming(
        incoming,
        resolve ?? ((request) => ({ opener, request: request as StreamRequest })),
        (error) => unexpected.push(error),
      ),
  });
  const ask = async (signal?: AbortSignal): Promise<OpenedStream> => {
    const promise = pair.a.open(REQUEST, signal);
    promise.catch(() => undefined);
    await pair.run();
    return promise;
  };
  return { ...pair, ask, asked, unexpected };
}

/** A served stream: `far` is what the test reads and writes behind the one that was opened. */
async function joined() {
  const [near, far] = duplexPair();
  const it = serving(() => Promise.resolve({ head: { contentType: "text/plain" }, stream: near }));
  const { stream, head } = await it.ask();
  return { ...it, near, far, stream, head };
}
const errorOf = (stream: Duplex): unknown => stream.errored;

describe("serving a stream", () => {
  it("opens what was asked, and hands its head and its bytes both ways", async () => {
    const { asked, head, stream, far, run } = await joined();
    expect(asked[0]!.request).toEqual(REQUEST);
    expect(head).toEqual({ contentType: "text/plain" });
    stream.write("in");
    far.write("out");
    await run();
    expect([String(far.read()), String(stream.read())]).toEqual(["in", "out"]);
  });

  it.each(["stream", "far"] as const)("leaves the other direction when that of %s ends", async (which) => {
    const { run, a, b, ...both } = await joined();
    const [first, second] = which === "stream" ? [both.stream, both.far] : [both.far, both.stream];
    first.end("first");
    await run();
    expect(String(await second.toArray())).toBe("first");
    second.write("second");
    await run();
    expect(String(first.read())).toBe("second");
    second.end();
    first.resume();
    await run();
    expect([a.live, b.live, both.near.destroyed]).toEqual([0, 0, true]);
    expect(errorOf(both.near)).toBeNull();
  });

  it.each<[string, Error | undefined, object]>([
    [
      "a StreamError",
      new StreamError("NOT_FOUND", "the container is gone"),
      { code: "NOT_FOUND", message: "the container is gone" },
    ],
    [
      "another error",
      new Error("read ECONNRESET\n    at secret.ts:1"),
      { code: "INTERNAL", message: "read ECONNRESET" },
    ],
    ["no error, but too early", undefined, { code: "CANCELLED" }],
  ])("ends the asker's side as the other side failed: %s", async (_what, error, want) => {
    const { near, stream, run, a, b, unexpected } = await joined();
    near.destroy(error);
    await run();
    expect(errorOf(stream)).toMatchObject(want);
    expect([a.live, b.live]).toEqual([0, 0]);
    expect(unexpected).toHaveLength(error && !(error instanceof StreamError) ? 1 : 0);
  });

  it("ends the other side with the asker's error", async () => {
    const { near, stream, run, b } = await joined();
    stream.destroy(new StreamError("LOST", "the hub stops"));
    await run();
    expect(errorOf(near)).toMatchObject({ code: "LOST", message: "the hub stops" });
    expect(b.live).toBe(0);
  });

  it("ends both when the connection is lost", async () => {
    const { near, b } = await joined();
    b.close(new StreamError("LOST", "the session ended"));
    await settled();
    expect(errorOf(near)).toMatchObject({ code: "LOST" });
  });

  it("lets pass what still comes for a side that is over", async () => {
    const near = Duplex.from({ readable: Readable.from([Buffer.from("log")]), writable: false } as never);
    const it = serving(() => Promise.resolve({ head: {}, stream: near }));
    const { stream } = await it.ask();
    stream.end(Buffer.alloc(500_000));
    await it.run();
    expect(String(await stream.toArray())).toBe("log");
    await it.run();
    expect([it.a.live, it.b.live, errorOf(stream)]).toEqual([0, 0, null]);
  });

  it("lets the asker finish what it sends to a side that has closed as it should", async () => {
    const near = new Duplex({
      allowHalfOpen: false,
      read() {
        this.push("log");
        this.push(null);
      },
      write: (_chunk, _encoding, done) => done(),
    });
    const it = serving(() => Promise.resolve({ head: {}, stream: near }));
    const { stream } = await it.ask();
    expect(String(await stream.toArray())).toBe("log");
    await it.run();
    stream.end(Buffer.alloc(500_000));
    await it.run();
    expect([near.destroyed, stream.writableFinished, it.a.live, it.b.live]).toEqual([true, true, 0, 0]);
  });

  it.each<[string, unknown, object, number]>([
    [
      "a StreamError",
      new StreamError("NOT_FOUND", "no such pod"),
      { code: "NOT_FOUND", message: "no such pod" },
      0,
    ],
    [
      "another error",
      new Error("open /secret failed\nmore"),
      { code: "INTERNAL", message: "open /secret failed" },
      1,
    ],
    ["a very long error", new Error("x".repeat(999)), { code: "INTERNAL", message: "x".repeat(200) }, 1],
    ["what is no error", "oops", { code: "INTERNAL", message: "oops" }, 1],
    ["an error without text", new Error(""), { code: "INTERNAL", message: "internal error" }, 1],
  ])("refuses with the reason when the opener fails with %s", async (_what, error, want, unexpected) => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- openers are not all ours
    const it = serving(() => Promise.reject(error));
    await expect(it.ask()).rejects.toMatchObject(want);
    expect([it.a.live, it.b.live, it.unexpected.length]).toEqual([0, 0, unexpected]);
  });

  it("refuses with the reason when the request is not to be served", async () => {
    const refuse = (): never => {
      throw new StreamError("BAD_REQUEST", "no such verb");
    };
    const it = serving(() => Promise.reject(new Error("not reached")), refuse);
    await expect(it.ask()).rejects.toMatchObject({ code: "BAD_REQUEST", message: "no such verb" });
    expect(it.asked).toEqual([]);
  });

  it("gives up opening when the asker does, and closes what was opened too late", async () => {
    let answer: (opened: OpenedStream) => void = () => undefined;
    const it = serving(() => new Promise((resolve) => (answer = resolve)));
    const abort = new AbortController();
    const promise = it.a.open(REQUEST, abort.signal).catch((error: unknown) => error);
    await it.run();
    abort.abort();
    await it.run();
    expect(await promise).toMatchObject({ code: "CANCELLED" });
    expect(it.asked[0]!.signal?.aborted).toBe(true);
    const [near] = duplexPair();
    answer({ head: {}, stream: near });
    await it.run();
    expect(errorOf(near)).toMatchObject({ code: "CANCELLED" });
    expect([it.a.live, it.b.live]).toEqual([0, 0]);
  });

  it("passes through two connections as through one, with bytes, ends and errors", async () => {
    const [near, far] = duplexPair();
    const edge = serving(() => Promise.resolve({ head: { contentType: "x" }, stream: near }));
    const hub = serving((asked) => edge.a.open(asked.request, asked.signal));
    const run = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        await hub.run();
        await edge.run();
      }
    };
    const promise = hub.a.open(REQUEST);
    await run();
    const { head, stream } = await promise;
    expect(head).toEqual({ contentType: "x" });
    stream.end("question");
    await run();
    expect(String(await far.toArray())).toBe("question");
    far.write("answer");
    await run();
    expect(String(stream.read())).toBe("answer");
    near.destroy(new StreamError("LOST", "the runtime is gone"));
    await run();
    expect(errorOf(stream)).toMatchObject({ code: "LOST", message: "the runtime is gone" });
    expect([hub.a.live, hub.b.live, edge.a.live, edge.b.live]).toEqual([0, 0, 0, 0]);
  });
});
