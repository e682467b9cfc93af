// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import {
  createIdentityConflict,
  DEFAULT_IDENTITY_CONFLICT,
  type IdentityConflict,
} from "../../src/tunnel/identity-conflict.ts";
import { createAuthority, type Authority } from "../join/authority.ts";
import { startBench, type Bench } from "./bench.ts";
import { fakeClock, fakeLog, fakeMetrics, until, type FakeClock, type FakeLog } from "./fakes.ts";

const MINUTE_MS = 60_000;
const { pauseMs, settledAfterMs } = DEFAULT_IDENTITY_CONFLICT;
const told = (log: FakeLog): number => log.lines.filter((line) => line.includes("another agent")).length;

describe("takeovers of the session", () => {
  let [clock, log, metrics] = [fakeClock(), fakeLog(), fakeMetrics()];
  let conflict: IdentityConflict;
  beforeEach(() => {
    [clock, log, metrics] = [fakeClock(), fakeLog(), fakeMetrics()];
    conflict = createIdentityConflict(DEFAULT_IDENTITY_CONFLICT, { clock, log, metrics });
  });
  /** One session that ends with `code` after `livedMs`. */
  const session = (livedMs: number, code = 4409): number | undefined => {
    conflict.established();
    clock.advance(livedMs);
    return conflict.ended(code);
  };

  it.each([
    { what: "two in a minute", lives: [5_000, 5_000] },
    { what: "one every half minute", lives: [30_000, 30_000, 30_000, 30_000] },
  ])("$what are a reconnect, no conflict", ({ lives }) => {
    expect(lives.map((ms) => session(ms))).toEqual(lives.map(() => undefined));
    expect(told(log)).toBe(0);
    expect(metrics.counts.get("takenOver")).toBe(lives.length);
  });

  it("R18 three in a minute are a conflict: a pause of minutes from then on, told once, and shown", () => {
    const pauses = [5_000, 5_000, 5_000, 5_000, 2 * MINUTE_MS, 4 * MINUTE_MS].map((ms) => session(ms));
    expect(pauses).toEqual([undefined, undefined, pauseMs, pauseMs, pauseMs, pauseMs]);
    expect(told(log)).toBe(1);
    expect(metrics.counts.get("identityConflict")).toBe(1);
  });

  it("do not slow what else ends a session", () => {
    for (let i = 0; i < 3; i++) session(1_000);
    expect([session(1_000, 1006), session(1_000, 4503), session(1_000, 1012)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(session(1_000)).toBe(pauseMs);
  });

  it("are forgotten once a session lived for some minutes, and a new conflict is told anew", () => {
    for (let i = 0; i < 3; i++) session(1_000);
    conflict.established();
    clock.advance(settledAfterMs - 1);
    expect(metrics.counts.get("identityConflict")).toBe(1);
    clock.advance(1);
    expect(metrics.counts.get("identityConflict")).toBe(0);
    expect(conflict.ended(4409)).toBeUndefined();
    expect([session(1_000), session(1_000)]).toEqual([undefined, pauseMs]);
    expect(told(log)).toBe(2);
  });
});

describe("two agents with one identity", () => {
  let authority: Authority;
  let bench: Bench | undefined;
  beforeAll(async () => {
    authority = await createAuthority();
  });
  afterEach(async () => {
    await bench?.end();
    bench = undefined;
  });
  const redialMs = async (clock: FakeClock): Promise<number> => {
    await until(() => !bench!.tunnel.isConnected() && clock.waiting().length === 1, "a redial");
    return clock.waiting()[0]!;
  };

  it.each([
    { random: 0, wantMs: pauseMs },
    { random: 0.999, wantMs: 1.999 * pauseMs },
  ])("R18 stop fighting after the third takeover, jittered by $random", async ({ random, wantMs }) => {
    bench = await startBench(authority, { negotiates: false, random: () => random });
    const { clock, hub, tunnel, log } = bench;
    tunnel.start();
    const pausesMs: number[] = [];
    for (let n = 1; n <= 3; n++) {
      const { socket } = await hub.connection(n);
      await until(() => tunnel.isConnected(), `session ${n}`);
      socket.close(4409, "superseded by a newer session");
      pausesMs.push(await redialMs(clock));
      clock.advance(pausesMs.at(-1)!);
    }
    expect(Math.max(...pausesMs.slice(0, 2))).toBeLessThan(4_000);
    expect(pausesMs[2]).toBeCloseTo(wantMs);
    expect(told(log)).toBe(1);
    await hub.connection(4); // it never gives up
  });
});
