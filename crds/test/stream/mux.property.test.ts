// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { StreamError, type IncomingStream, type OpenedStream } from "../../src/stream/index.ts";
import { pairOfMuxes, type Wire } from "./link.ts";

const WINDOW = 2000;
const LIMITS = { windowBytes: WINDOW, chunkBytes: 300, maxStreams: 8 };

type Mode = "accept" | "later" | "refuse";
type Op =
  | { readonly op: "open"; readonly by: "a" | "b"; readonly mode: Mode; readonly isAborted: boolean }
  | { readonly op: "move"; readonly wire: "ab" | "ba"; readonly messages: number }
  | { readonly op: "write"; readonly end: number; readonly bytes: number; readonly parts: number }
  | { readonly op: "finish" | "destroy" | "stall" | "resume"; readonly end: number }
  | { readonly op: "answer" }
  | { readonly op: "rest" };

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("open" as const),
      by: fc.constantFrom("a", "b"),
      mode: fc.constantFrom("accept", "accept", "later", "refuse"),
      isAborted: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant("move" as const),
      wire: fc.constantFrom("ab", "ba"),
      messages: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant("write" as const),
      end: fc.nat(40),
      bytes: fc.integer({ min: 0, max: 5000 }),
      parts: fc.integer({ min: 1, max: 20 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constantFrom("finish" as const, "stall" as const, "resume" as const),
      end: fc.nat(40),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("destroy" as const), end: fc.nat(40) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constantFrom("answer" as const, "rest" as const) }) },
);

const byteAt = (offset: number): number => (offset * 31 + (offset >> 8)) & 0xff;

/** One end of a stream, and what it knows of what it sent and got. */
class End {
  readonly stream: Duplex;
  sentBytes = 0;
  gotBytes = 0;
  isInOrder = true;
  isFinished = false;
  peer: End | undefined;
  readonly #deliveredBytes: () => number;

  constructor(stream: Duplex, deliveredBytes: () => number) {
    this.stream = stream;
    this.#deliveredBytes = deliveredBytes;
    stream.on("data", (chunk: Buffer) => {
      for (const byte of chunk) this.isInOrder &&= byte === byteAt(this.gotBytes++);
    });
  }

  get unreadBytes(): number {
    return this.stream.destroyed ? 0 : this.#deliveredBytes() - this.gotBytes;
  }

  write(bytes: number, parts: number): void {
    if (this.isFinished || this.stream.destroyed) return;
    for (let part = 0; part < parts; part++) {
      const chunk = Buffer.alloc(Math.ceil(bytes / parts));
      for (let i = 0; i < chunk.length; i++) chunk[i] = byteAt(this.sentBytes + i);
      this.sentBytes += chunk.length;
      this.stream.write(chunk);
    }
  }

  finish(): void {
    if (!this.isFinished) this.stream.end();
    this.isFinished = true;
  }
}

class World {
  readonly ends: End[] = [];
  /** Opens that were asked for and are settled. */
  asked = 0;
  settled = 0;
  readonly #later: IncomingStream[] = [];
  readonly #accepted = new Map<string, End>();
  readonly pair = pairOfMuxes({
    limits: LIMITS,
    writableBytes: 1000,
    onIncoming: (incoming, side) => this.#onIncoming(incoming, side),
  });
  readonly #numbers = { a: 0, b: 0 };

  open(by: "a" | "b", mode: Mode, isAborted: boolean): void {
    const isRoom = this.pair[by].live < LIMITS.maxStreams;
    const number = isRoom ? ++this.#numbers[by] : 0;
    const abort = new AbortController();
    this.asked++;
    void this.pair[by].open({ number, mode }, abort.signal).then(
      (opened) => this.#onOpened(opened, by, number),
      (error: unknown) => {
        expect(error).toBeInstanceOf(StreamError);
        this.settled++;
      },
    );
    if (isAborted) void Promise.resolve().then(() => abort.abort());
  }

  answer(): void {
    for (const incoming of this.#later.splice(0))
      this.#accept(incoming, incoming.request as { number: number; side: "a" | "b" });
  }

  at(index: number): End | undefined {
    return this.ends[index % Math.max(1, this.ends.length)];
  }

  async apply(step: Op): Promise<void> {
    if (step.op === "open") this.open(step.by, step.mode, step.isAborted && step.mode === "later");
    else if (step.op === "answer") this.answer();
    else if (step.op === "rest") await new Promise((resolve) => setImmediate(resolve));
    else if (step.op === "move") await this.#move(this.pair.wires[step.wire], step.messages);
    else this.#act(step, this.at(step.end));
    for (const end of this.ends) expect(end.unreadBytes).toBeLessThanOrEqual(WINDOW);
  }

  async finish(): Promise<void> {
    await this.pair.run();
    this.answer();
    await this.pair.run();
    for (const end of this.ends) {
      end.stream.resume();
      end.finish();
    }
    await this.pair.run();
  }

  #act(step: Extract<Op, { end: number }>, end: End | undefined): void {
    if (!end) return;
    if (step.op === "write") end.write(step.bytes, step.parts);
    else if (step.op === "finish") end.finish();
    else if (step.op === "stall") end.stream.pause();
    else if (step.op === "resume") end.stream.resume();
    else end.stream.destroy();
  }

  async #move(wire: Wire, messages: number): Promise<void> {
    for (let i = 0; i < messages; i++) wire.move();
    await new Promise((resolve) => setImmediate(resolve));
  }

  #onIncoming(incoming: IncomingStream, side: "a" | "b"): void {
    const { mode, number } = incoming.request as { mode: Mode; number: number };
    if (mode === "refuse") incoming.refuse(new StreamError("NOT_FOUND", "no"));
    else if (mode === "later") this.#later.push(Object.assign(incoming, { request: { number, side } }));
    else this.#accept(incoming, { number, side });
  }

  #accept(incoming: IncomingStream, { number, side }: { number: number; side: "a" | "b" }): void {
    const end = this.#end(incoming.accept({}), side, number | 0x80000000);
    this.#accepted.set(`${side}${number}`, end);
  }

  #onOpened({ stream }: OpenedStream, by: "a" | "b", number: number): void {
    this.settled++;
    const end = this.#end(stream, by, number);
    end.peer = this.#accepted.get(`${by === "a" ? "b" : "a"}${number}`)!;
    end.peer.peer = end;
  }

  #end(stream: Duplex, side: "a" | "b", id: number): End {
    const wire = this.pair.wires[side === "a" ? "ba" : "ab"];
    const end = new End(stream, () => wire.deliveredBytes.get(id) ?? 0);
    this.ends.push(end);
    return end;
  }
}

describe("two muxes on one connection", () => {
  it("bring every byte in order, hold at most a window, and keep nothing", async () => {
    const seen = { whole: 0, bytes: 0, broken: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 40, maxLength: 200, size: "max" }), async (steps) => {
        const world = new World();
        for (const step of steps) await world.apply(step);
        await world.finish();
        for (const end of world.ends) {
          expect(end.isInOrder).toBe(true);
          expect(end.gotBytes).toBeLessThanOrEqual(end.peer?.sentBytes ?? 0);
          if (end.stream.errored || !end.stream.readableEnded) seen.broken++;
          else expect(end.gotBytes).toBe(end.peer?.sentBytes);
          if (end.stream.readableEnded) seen.whole++;
          seen.bytes += end.gotBytes;
        }
        expect(world.pair.violations).toEqual([]);
        expect([world.pair.a.live, world.pair.b.live, world.pair.clock.timers]).toEqual([0, 0, 0]);
        expect(world.settled).toBe(world.asked);
      }),
      { numRuns: 100 },
    );
    // The property would hold of streams that do nothing.
    expect(seen.whole).toBeGreaterThan(100);
    expect(seen.broken).toBeGreaterThan(20);
    expect(seen.bytes).toBeGreaterThan(1_000_000);
  }, 60_000);
});
