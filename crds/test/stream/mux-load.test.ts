// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, expect, it } from "@jest/globals";
import {
  STREAM_LIMITS,
  StreamError,
  type IncomingStream,
  type OpenedStream,
} from "../../src/stream/index.ts";
import { FRAME_TYPE, frameHead } from "../../src/stream/frame.ts";
import { lonelyMux, pairOfMuxes, settled } from "./link.ts";

const MIB = 1024 * 1024;

/** Repeatable, so that a failure can be seen again. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("streams under load", () => {
  it("S6 64 MiB written at once arrive whole", async () => {
    const block = randomBytes(MIB);
    const sent = createHash("sha256");
    const whole = Buffer.alloc(64 * MIB);
    for (let i = 0; i < 64; i++) block.copy(whole, i * MIB);
    sent.update(whole);
    const pair = pairOfMuxes({
      onIncoming: (incoming) => void pipeline(Readable.from([whole]), incoming.accept({}).resume()),
    });
    const opening = pair.a.open({});
    await pair.run();
    const { stream } = await opening;
    stream.end();
    const got = createHash("sha256");
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      got.update(chunk);
    });
    await pair.run(() => stream.destroyed);
    await pair.run();
    expect(bytes).toBe(whole.length);
    expect(got.digest("hex")).toBe(sent.digest("hex"));
    expect([pair.a.live, pair.b.live]).toEqual([0, 0]);
  });

  it("S6 one frame of 64 MiB closes its own stream, and no other; none of it is delivered", async () => {
    const incoming: IncomingStream[] = [];
    const { mux, violations } = lonelyMux({ onIncoming: (each) => incoming.push(each) });
    const open = (n: number): Buffer =>
      Buffer.concat([frameHead(FRAME_TYPE.OPEN, n, 0), Buffer.from([0, 0, 1, 0]), Buffer.from("{}")]);
    mux.receive(open(1));
    mux.receive(open(2));
    const [huge, sibling] = incoming.map((each) => each.accept({}));
    let bytes = 0;
    huge!.on("data", (chunk: Buffer) => (bytes += chunk.length));
    mux.receive(Buffer.concat([frameHead(FRAME_TYPE.DATA, 1), Buffer.alloc(64 * MIB)]));
    mux.receive(Buffer.concat([frameHead(FRAME_TYPE.DATA, 2), Buffer.from("fine")]));
    await settled();
    expect(huge!.errored).toMatchObject({ code: "FLOW_CONTROL" });
    expect([bytes, String(sibling!.read()), violations]).toEqual([0, "fine", []]);
  });

  it.each([0, 1, 5])("R21 %d stalled readers among 50 hold their window and stop nobody", async (stalled) => {
    const bytes = 4 * STREAM_LIMITS.windowBytes;
    const senders: { writtenBytes: number }[] = [];
    const pair = pairOfMuxes({
      onIncoming: (incoming) => {
        const sender = { writtenBytes: 0 };
        senders.push(sender);
        const stream = incoming.accept({}).resume();
        const chunk = Buffer.alloc(10_000);
        const source = new Readable({
          read() {
            this.push(sender.writtenBytes < bytes ? chunk : null);
            sender.writtenBytes += chunk.length;
          },
        });
        source.pipe(stream);
      },
    });
    const opening = Array.from({ length: 50 }, (_, i) => pair.a.open({ i }));
    await pair.run();
    const opened: OpenedStream[] = await Promise.all(opening);
    const ended = new Set<number>();
    for (const [i, { stream }] of opened.entries()) {
      stream.end();
      if (i >= stalled) stream.on("data", () => undefined).on("end", () => ended.add(i));
    }
    await pair.run();
    expect(ended.size).toBe(50 - stalled);
    for (const { stream } of opened.slice(0, stalled)) {
      expect(stream.readableLength).toBeLessThanOrEqual(STREAM_LIMITS.windowBytes);
      expect(stream.readableLength).toBeGreaterThan(STREAM_LIMITS.windowBytes - 4096);
    }
    expect(Math.max(0, ...senders.slice(0, stalled).map((sender) => sender.writtenBytes))).toBeLessThan(
      STREAM_LIMITS.windowBytes + 128 * 1024,
    );
    expect(pair.a.live).toBe(stalled);
    for (const { stream } of opened) stream.destroy();
    await pair.run();
    expect([pair.a.live, pair.b.live, pair.violations]).toEqual([0, 0, []]);
  });

  it("R21 10,000 streams opened and closed at random leave nothing", async () => {
    const random = randomOf(21);
    const outcomes = new Map<string, number>();
    const count = (what: string): unknown => outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
    const pair = pairOfMuxes({
      limits: { maxStreams: 64, windowBytes: 4096, chunkBytes: 512 },
      writableBytes: 2048,
      onIncoming: (incoming) => answer(incoming),
    });

    const streams = new Set<OpenedStream["stream"]>();
    const play = (stream: OpenedStream["stream"]): void => {
      streams.add(stream.once("close", () => streams.delete(stream)));
      const choice = random(6);
      if (choice !== 0) stream.resume();
      if (choice < 5) stream.write(Buffer.alloc(random(9000)));
      if (choice < 3) stream.end();
      if (choice >= 2)
        setImmediate(() => stream.destroy(choice === 5 ? new StreamError("LOST", "x") : undefined));
    };
    const answer = (incoming: IncomingStream): void => {
      const choice = random(10);
      const act = (): void =>
        choice === 0 ? incoming.refuse(new StreamError("NOT_FOUND", "x")) : play(incoming.accept({}));
      if (choice < 8) act();
      else setImmediate(act);
    };
    const thinOut = (): void => {
      for (const stream of streams) if (random(2) === 0) stream.destroy();
    };
    const open = (i: number): void => {
      const abort = new AbortController();
      const mux = i % 3 ? pair.a : pair.b;
      mux.open({ i }, abort.signal).then(
        ({ stream }) => {
          count("opened");
          play(stream);
        },
        (error: unknown) => count(error instanceof StreamError ? error.code : "UNKNOWN"),
      );
      if (random(8) === 0) setImmediate(() => abort.abort());
    };

    for (let i = 0; i < 10_000; i++) {
      open(i);
      // Now and then nothing moves for a while, and they become too many.
      for (let moves = i % 1000 < 100 ? 0 : random(40); moves > 0; moves--)
        pair.wires[random(2) ? "ab" : "ba"].move();
      if (random(4) === 0) await new Promise((resolve) => setImmediate(resolve));
      if (streams.size > 60) thinOut();
      if (i % 500 === 0) await pair.run();
    }
    await pair.run();
    for (const stream of streams) stream.destroy();
    await pair.run();
    expect([...outcomes.values()].reduce((sum, n) => sum + n, 0)).toBe(10_000);
    expect([...outcomes.keys()].sort()).toEqual(["CANCELLED", "NOT_FOUND", "TOO_MANY", "opened"]);
    expect(outcomes.get("opened")).toBeGreaterThan(2000);
    expect([pair.violations, pair.a.live, pair.b.live, pair.clock.timers]).toEqual([[], 0, 0, 0]);
  }, 60_000);
});
