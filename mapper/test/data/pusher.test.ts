// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { SinkError, type Delivery, type Sink, type Target } from "../../src/data/port.ts";
import { createPusher, type PushOptions } from "../../src/data/pusher.ts";
import { createSinkOpener } from "../../src/data/sinks/index.ts";
import { createFakeClock, settle } from "../support/fake-clock.ts";
import { aLog } from "../support/gen.ts";
import { aSample, httpTarget, influxdb2Target, secretsOf } from "./samples.ts";
import { serve, status, type TestServer } from "./sinks/server.ts";

type Answer = (batch: readonly Delivery[], signal: AbortSignal) => Promise<void>;

const fail = (code: "UNREACHABLE" | "REFUSED" | "UNAVAILABLE") => () =>
  Promise.reject(new SinkError(code, "no"));
const take: Answer = () => Promise.resolve();
const never: Answer = () => new Promise(() => undefined);

/** A plane on sinks that answer as `answer.now` does. */
function setUp(options: Partial<PushOptions> = {}) {
  const clock = createFakeClock();
  const log = aLog();
  const answer = { now: take };
  const sent: string[][] = [];
  const sinks = { opened: 0, closed: 0, sending: 0, most: 0 };
  const openSink = (target: Target): Sink | undefined => {
    if (target.kind === "redis") return undefined;
    sinks.opened++;
    return {
      send: async (batch, signal) => {
        sinks.most = Math.max(sinks.most, ++sinks.sending);
        try {
          await answer.now(batch, signal);
          sent.push(batch.map(({ sample }) => sample.text));
        } finally {
          sinks.sending--;
        }
      },
      close: () => sinks.closed++,
    };
  };
  const plane = createPusher({ openSink, clock, log, random: () => 0.999, options });
  const offer = (from: number, to: number, target: Target = influxdb2Target(), device = "hall") => {
    for (let i = from; i < to; i++) plane.offer([target], aSample({ text: String(i), device }));
  };
  return { clock, log, answer, sent, sinks, plane, offer };
}
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => String(from + index));

describe("the data plane", () => {
  it("sends what is offered together in batches of at most 100, one at a time and in order", async () => {
    const { plane, offer, sent, sinks } = setUp();
    offer(0, 150);
    offer(150, 250, influxdb2Target(8086, { measurement: "other" }));
    await settle();
    expect(sent.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(sent.flat()).toEqual(numbers(0, 250));
    expect(sinks).toMatchObject({ opened: 1, most: 1 });
    expect(plane.counters()).toMatchObject({ offered: 250, sent: 250, dropped: 0 });
  });

  it("keeps the newest through an outage, tries ever later, and tells of it once", async () => {
    const { plane, offer, sent, sinks, clock, answer, log } = setUp({ maxItems: 50 });
    answer.now = fail("UNREACHABLE");
    offer(0, 60);
    await clock.advance(0);
    const pauses = [500, 1000, 2000, 4000];
    for (const pauseMs of pauses) await clock.advance(pauseMs);
    expect(plane.counters()).toMatchObject({ offered: 60, dropped: 10, failedSends: 5, sent: 0 });
    answer.now = take;
    await clock.advance(30_000);
    expect(sent.flat()).toEqual(numbers(10, 60));
    expect(sinks.opened).toBe(6);
    expect(log.lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      "warn: more samples wait than may; dropping the oldest and counting",
      "warn: cannot push; trying again",
      "info: pushing again",
    ]);
    expect(log.lines[1]?.fields).toMatchObject({
      code: "UNREACHABLE",
      server: expect.stringContaining("8086"),
    });
  });

  it("does not wait longer than its deadline for a server that does not answer", async () => {
    const { plane, offer, sinks, clock, answer, sent, log } = setUp();
    answer.now = never;
    offer(0, 1);
    await clock.advance(4_999);
    expect(plane.counters().failedSends).toBe(0);
    answer.now = take;
    await clock.advance(1_000);
    expect(plane.counters().failedSends).toBe(1);
    expect(log.lines[0]?.fields).toMatchObject({ code: "TIMEOUT" });
    await clock.advance(500);
    expect(sent).toEqual([["0"]]);
    expect(sinks).toMatchObject({ opened: 2, closed: 1 });
  });

  it("gives up the one sample that is refused, and sends the others of its batch", async () => {
    const { plane, offer, sent, answer, log } = setUp();
    answer.now = (batch) =>
      batch.some(({ sample }) => sample.text === "37" || sample.text === "38")
        ? fail("REFUSED")()
        : take(batch, new AbortController().signal);
    offer(0, 120);
    await settle();
    await settle();
    expect(sent.flat()).toEqual(numbers(0, 120).filter((text) => text !== "37" && text !== "38"));
    expect(plane.counters()).toMatchObject({ sent: 118, refused: 2 });
    expect(log.lines).toHaveLength(1);
  });

  it("lets one server's outage hold up no other", async () => {
    const { offer, sent, answer } = setUp();
    answer.now = ([first]) =>
      first?.target.endpoint.port === 1 ? never([], new AbortController().signal) : Promise.resolve();
    offer(0, 1, influxdb2Target(1));
    offer(1, 2, influxdb2Target(2));
    await settle();
    expect(sent).toEqual([["1"]]);
  });

  it("takes room from the server with most waiting when all together are too many", async () => {
    const { plane, offer, sent, answer, clock } = setUp({ maxTotalBytes: 10_000 });
    answer.now = fail("UNREACHABLE");
    offer(0, 5, influxdb2Target(1));
    offer(100, 200, influxdb2Target(2));
    await settle();
    answer.now = take;
    await clock.advance(60_000);
    expect(sent.flat()).toEqual(expect.arrayContaining(numbers(0, 5)));
    expect(sent.flat()).toContain("199");
    const { dropped } = plane.counters();
    expect(dropped).toBeGreaterThan(60);
    expect(sent.flat()).toHaveLength(105 - dropped);
  });

  it("closes an idle connection for a new one, and takes nothing past its limit while none is idle", async () => {
    const { plane, offer, sinks, answer, sent } = setUp({ maxConnections: 2 });
    offer(0, 1, influxdb2Target(1));
    await settle();
    answer.now = never;
    offer(1, 2, influxdb2Target(2));
    offer(2, 3, influxdb2Target(3));
    offer(3, 5, influxdb2Target(4));
    await settle();
    expect(sent).toEqual([["0"]]);
    expect(plane.counters().unconnected).toBe(2);
    expect(sinks.opened - sinks.closed).toBe(2);
  });

  it("counts what it has no sink for", () => {
    const { plane, offer, log } = setUp();
    const { endpoint } = httpTarget();
    offer(0, 3, { kind: "redis", endpoint, db: 0 });
    expect(plane.counters()).toMatchObject({ offered: 3, unconnected: 3 });
    expect(log.lines).toHaveLength(1);
  });

  it("forgets a device: what waits, what failed meanwhile, and the connections of it alone", async () => {
    const { plane, offer, sinks, answer, clock, sent } = setUp();
    let failNow: (error: Error) => void = () => undefined;
    answer.now = () => new Promise((_resolve, reject) => (failNow = reject));
    offer(0, 1, influxdb2Target(1), "gone");
    offer(1, 2, influxdb2Target(1), "stays");
    await settle();
    offer(2, 4, influxdb2Target(1), "gone");
    plane.forget({ namespace: "", name: "gone" });
    failNow(new SinkError("UNAVAILABLE", "no"));
    answer.now = take;
    await clock.advance(30_000);
    expect(sent).toEqual([["1"]]);
    expect(plane.counters()).toMatchObject({ offered: 4, sent: 1, forgotten: 3 });
    plane.forget({ namespace: "default", name: "stays" });
    expect(sinks.opened).toBe(sinks.closed);
  });

  it("flushes without the pause that runs, and tells when the time is over first", async () => {
    const { plane, offer, answer, clock, sent } = setUp();
    answer.now = fail("UNAVAILABLE");
    offer(0, 2);
    await settle();
    const first = plane.flush(1_000);
    await clock.advance(1_000);
    expect(await first).toBe(false);
    answer.now = take;
    expect(await plane.flush(1_000)).toBe(true);
    expect(sent).toEqual([["0", "1"]]);
    expect(await plane.flush(0)).toBe(true);
    expect(clock.timers()).toBe(0);
  });

  it("counts what is being sent as part of what all may hold together", async () => {
    const { plane, offer, answer } = setUp({ maxTotalBytes: 5_000 });
    answer.now = never;
    offer(0, 15);
    await settle();
    offer(100, 110);
    expect(plane.counters().dropped).toBeGreaterThan(5);
    plane.close();
  });

  it("accounts for every sample, whatever servers and devices do", async () => {
    const step = fc.oneof(
      fc.record({ offer: fc.integer({ min: 1, max: 40 }), port: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ advanceMs: fc.integer({ min: 0, max: 6_000 }) }),
      fc.record({ forget: fc.constantFrom("a", "b") }),
      fc.record({ server: fc.constantFrom(take, never, fail("UNREACHABLE"), fail("REFUSED")) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { plane, offer, answer, clock, sinks } = setUp({ maxItems: 30, maxConnections: 3 });
        for (const [index, one] of steps.entries()) {
          if ("offer" in one) offer(0, one.offer, influxdb2Target(one.port), index % 2 === 0 ? "a" : "b");
          if ("advanceMs" in one) await clock.advance(one.advanceMs);
          if ("forget" in one) plane.forget({ namespace: "default", name: one.forget });
          if ("server" in one) answer.now = one.server;
        }
        plane.close();
        await clock.advance(10_000);
        const { offered, sent, dropped, refused, unconnected, forgotten } = plane.counters();
        expect(sent + dropped + refused + unconnected + forgotten).toBe(offered);
        expect(sinks.closed).toBe(sinks.opened);
        expect(clock.timers()).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it("takes nothing more once closed, and leaves no timer behind", async () => {
    const { plane, offer, answer, clock } = setUp();
    answer.now = fail("UNAVAILABLE");
    offer(0, 2);
    await settle();
    plane.close();
    offer(2, 3);
    await settle();
    expect(plane.counters()).toMatchObject({ offered: 3, dropped: 2, unconnected: 1 });
    expect(clock.timers()).toBe(0);
  });
});

describe("the data plane on real servers", () => {
  let server: TestServer;
  afterEach(() => server.close());

  it("takes a changed secret at the next attempt", async () => {
    server = await serve((response, { headers }) =>
      status(headers.authorization === "Token new" ? 204 : 401)(response),
    );
    const token = { now: "old" };
    const clock = createFakeClock();
    const log = aLog();
    const openSink = createSinkOpener(secretsOf(() => token.now));
    const plane = createPusher({ openSink, clock, log, random: () => 0.5 });
    plane.offer([influxdb2Target(server.port), httpTarget(server.port)], aSample());
    while (plane.counters().failedSends < 2) await settle();
    token.now = "new";
    plane.forget({ namespace: "default", name: "nobody" });
    const flushed = plane.flush(1_000);
    while (plane.counters().sent < 1) await settle();
    expect(server.seen.filter(({ headers }) => headers.authorization === "Token new")).toHaveLength(1);
    expect(JSON.stringify(log.lines)).not.toMatch(/old|new|21\.5/);
    plane.close();
    expect(await flushed).toBe(true);
  });
});
