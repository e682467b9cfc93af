// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import type { Client } from "../../../src/runtime/client.ts";
import { ApiError } from "../../../src/runtime/errors.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { boundedNote } from "../../../src/runtime/recorder/event-body.ts";
import { createEventRecorder, type EventRecorder } from "../../../src/runtime/recorder/event-recorder.ts";
import { createEventSink, type EventSink } from "../../../src/runtime/recorder/event-sink.ts";
import { createFakeClock, type FakeClock } from "../fake-clock.ts";

interface World {
  readonly clock: FakeClock;
  readonly sink: EventSink;
  readonly recorder: EventRecorder;
  readonly writes: string[];
  readonly dropped: (reason: string) => Promise<boolean>;
}

function setUp(answer: () => Promise<unknown> = () => Promise.resolve({}), maxQueued?: number): World {
  const clock = createFakeClock();
  const registry = new Registry();
  const writes: string[] = [];
  const client = {
    create: (_: unknown, body: { reason: string }) => {
      writes.push(`create ${body.reason}`);
      return answer();
    },
    patch: (_: unknown, __: unknown, { body }: { body: { series: { count: number } } }) => {
      writes.push(`count ${body.series.count}`);
      return answer();
    },
  } as unknown as Client;
  const sink = createEventSink({
    client,
    clock,
    log: silentLog,
    registry,
    ...(maxQueued !== undefined && { maxQueued }),
  });
  const dropped = async (reason: string): Promise<boolean> =>
    (await registry.metrics()).includes(`longshore_events_dropped_total{reason="${reason}"} 1`);
  return { clock, sink, writes, dropped, recorder: createEventRecorder(sink, "test", () => clock.wallMs()) };
}
const object = { metadata: { name: "a", namespace: "ns", uid: "u", resourceVersion: "1" } };
const tell = (w: World, reason: string): void =>
  w.recorder.event(object, { type: "Normal", reason, action: "Act", note: "note" });
const refuse = (code: number, reason: string) => (): Promise<never> =>
  Promise.reject(new ApiError({ code, reason, message: reason }));

describe("the event recorder", () => {
  it("writes one event and counts its repeats, at most once in 10 s and once more at the stop", async () => {
    const w = setUp();
    for (let i = 0; i < 5; i++) {
      tell(w, "Placed");
      await w.clock.settle();
    }
    expect(w.writes).toEqual(["create Placed"]);
    w.clock.advance(10_000);
    tell(w, "Placed");
    await w.clock.settle();
    tell(w, "Placed");
    await w.sink.stop();
    expect(w.writes).toEqual(["create Placed", "count 6", "count 7"]);
  });

  it("begins a new event when the last one is long ago", async () => {
    const w = setUp();
    tell(w, "Placed");
    await w.clock.settle();
    w.clock.advance(6 * 60_000);
    tell(w, "Placed");
    await w.clock.settle();
    expect(w.writes).toEqual(["create Placed", "create Placed"]);
  });

  it("drops what is refused, with a counter and without a second attempt", async () => {
    const w = setUp(refuse(403, "Forbidden"));
    tell(w, "Placed");
    await w.clock.settle();
    expect(w.writes).toHaveLength(1);
    expect(await w.dropped("refused")).toBe(true);
  });

  it("tries three times when the API server is away, and then drops", async () => {
    const w = setUp(refuse(0, "ConnectionFailed"));
    tell(w, "Placed");
    for (let i = 0; i < 5; i++) {
      await w.clock.settle();
      w.clock.advance(5000);
    }
    expect(w.writes).toHaveLength(3);
    expect(await w.dropped("unavailable")).toBe(true);
  });

  it("drops what does not fit in the queue", async () => {
    const w = setUp(() => new Promise(() => undefined), 1);
    for (const reason of ["One", "Two", "Three"]) tell(w, reason);
    expect(await w.dropped("overflow")).toBe(true);
  });

  it("cuts a note that the API server would refuse", () => {
    const note = boundedNote("ä".repeat(2000));
    expect(Buffer.byteLength(note)).toBeLessThan(1024);
    expect(note).not.toContain("\uFFFD");
    expect(boundedNote("short")).toBe("short");
  });
});
