// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Pauses } from "../../../src/stream/index.ts";

const LIMITS = {
  maxStreamBytes: 1_000,
  maxBytes: 2_500,
  pauseBytes: 500,
  resumeBytes: 100,
  stallMs: 10,
  maxPauseMs: 50,
};

function rig() {
  const timers: { atMs: number; run: () => void }[] = [];
  const state = { nowMs: 0, isPaused: false, pauses: 0, total: { bytes: 0 } };
  const pauses = new Pauses({
    limits: LIMITS,
    total: state.total,
    socket: { pause: () => (state.isPaused = true), resume: () => (state.isPaused = false) },
    onPause: () => state.pauses++,
    clock: {
      schedule: (delayMs, run) => {
        const timer = { atMs: state.nowMs + delayMs, run };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer), timers.includes(timer) ? 1 : 0);
      },
    },
  });
  const stream = () => {
    const own = {
      bytes: 0,
      isDestroyed: false,
      destroy: () => {
        own.isDestroyed = true;
        own.to(0);
        pauses.onOver(own);
      },
      to: (bytes: number) => {
        const before = own.bytes;
        own.bytes = bytes;
        pauses.onHeld(own, bytes, before);
      },
    };
    return own;
  };
  const advance = (ms: number): void => {
    state.nowMs += ms;
    for (const timer of timers.filter(({ atMs }) => atMs <= state.nowMs)) {
      timers.splice(timers.indexOf(timer), 1);
      timer.run();
    }
  };
  return { state, stream, advance, timers };
}

describe("pauses of a tunnel", () => {
  it("rests above one mark and goes on below the other", () => {
    const { state, stream } = rig();
    const one = stream();
    one.to(500);
    expect(state.isPaused).toBe(false);
    one.to(501);
    expect(state.isPaused).toBe(true);
    one.to(100);
    expect(state.isPaused).toBe(true);
    one.to(99);
    expect(state).toMatchObject({ isPaused: false, pauses: 1, total: { bytes: 99 } });
  });

  it("waits for all that are slow, and closes those that do not move", () => {
    const { state, stream, advance, timers } = rig();
    const [still, moving] = [stream(), stream()];
    still.to(600);
    moving.to(600);
    advance(9);
    moving.to(590);
    advance(1);
    expect([still.isDestroyed, moving.isDestroyed, state.isPaused]).toEqual([true, false, true]);
    moving.to(0);
    expect(state.isPaused).toBe(false);
    expect(timers).toEqual([]);
  });

  it("closes one that moves when the others wait for too long", () => {
    const { stream, advance } = rig();
    const slow = stream();
    slow.to(700);
    for (let i = 1; i <= 4; i++) {
      slow.to(700 - i);
      advance(10);
      expect(slow.isDestroyed).toBe(false);
    }
    slow.to(690);
    advance(10);
    expect(slow.isDestroyed).toBe(true);
  });

  it("leaves one alone for which no more comes", () => {
    const { state, stream, advance } = rig();
    const rest = stream();
    rest.to(700);
    rest.to(700);
    const other = stream();
    other.to(1);
    expect(state.isPaused).toBe(true);
    rest.destroy();
    expect(state.isPaused).toBe(false);
    advance(1_000);
    expect(other.isDestroyed).toBe(false);
  });

  it("bounds what one and what all hold, and rests only while somebody is slow", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(4), fc.integer({ min: -600, max: 600 }), fc.nat(12)), { maxLength: 60 }),
        (steps) => {
          const { state, stream, advance } = rig();
          const streams = Array.from({ length: 5 }, stream);
          for (const [index, change, ms] of steps) {
            const one = streams[index]!;
            if (!one.isDestroyed) one.to(Math.max(0, one.bytes + change));
            advance(ms);
            expect(state.total.bytes).toBe(streams.reduce((sum, { bytes }) => sum + bytes, 0));
            expect(state.total.bytes).toBeLessThanOrEqual(LIMITS.maxBytes);
            expect(Math.max(...streams.map(({ bytes }) => bytes))).toBeLessThanOrEqual(LIMITS.maxStreamBytes);
            if (state.isPaused) expect(streams.some(({ bytes }) => bytes >= LIMITS.resumeBytes)).toBe(true);
          }
          for (let i = 0; i < 6; i++) advance(10);
          expect(state.isPaused).toBe(false);
        },
      ),
    );
  });
});
