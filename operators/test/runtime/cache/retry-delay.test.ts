// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createRetryDelay, type RetryDelay } from "../../../src/runtime/cache/retry-delay.ts";
import { WatchFailure } from "../../../src/runtime/cache/watch-failure.ts";
import { ApiError } from "../../../src/runtime/errors.ts";

const delayWith = (random: number): RetryDelay =>
  createRetryDelay({
    answered: { baseMs: 800, capMs: 30_000 },
    reconnect: { baseMs: 250, capMs: 3000 },
    random: () => random,
  });
const error = (code: number, reason: string, retryAfterSeconds?: number): ApiError =>
  new ApiError({
    code,
    reason,
    message: reason,
    ...(retryAfterSeconds !== undefined && { details: { retryAfterSeconds } }),
  });
const AWAY = error(0, "ConnectionFailed");
const BUSY = error(503, "ServiceUnavailable");
const MOST = 1 - Number.EPSILON;
const delays = (delay: RetryDelay, failure: unknown, count: number): number[] =>
  Array.from({ length: count }, () => Math.round(delay.nextMs(failure, "watch")));

describe("the pause of a reflector after a failure", () => {
  it.each([
    { when: "the server is away", failure: AWAY, want: [250, 500, 1000, 2000, 3000, 3000, 3000] },
    { when: "the server answers 503", failure: BUSY, want: [800, 1600, 3200, 6400, 12800, 25600, 30000] },
    {
      when: "the server takes calls and is silent",
      failure: error(0, "Timeout"),
      want: [800, 1600, 3200, 6400, 12800, 25600, 30000],
    },
    { when: "the kind is missing", failure: error(404, "NotFound"), want: [10000, 10000] },
    { when: "the position is too old", failure: error(410, "Expired"), want: [500, 500, 500] },
    { when: "the watch stalled", failure: new WatchFailure("stalled"), want: [0, 0, 0] },
  ])("R29 is at most $want ms when $when", ({ failure, want }) => {
    expect(delays(delayWith(MOST), failure, want.length)).toEqual(want);
  });

  it("R29 is drawn from 0 on while the server is away, so that not all come at once", () => {
    expect(delays(delayWith(0), AWAY, 8)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(delays(delayWith(0.5), AWAY, 6)).toEqual([125, 250, 500, 1000, 1500, 1500]);
  });

  it("R29 does not grow for the server's answers while it is away", () => {
    const delay = delayWith(MOST);
    delays(delay, AWAY, 100);
    expect(delays(delay, BUSY, 1)).toEqual([800]);
  });

  it("R28 is no shorter than Retry-After, with a second to part those who were told the same", () => {
    expect(delays(delayWith(0), error(429, "TooManyRequests", 7), 1)).toEqual([7000]);
    expect(delays(delayWith(MOST), error(503, "ServiceUnavailable", 7), 1)).toEqual([8000]);
    expect(delays(delayWith(0), error(429, "TooManyRequests", 100_000), 1)).toEqual([60_000]);
    const limits = { baseMs: 1, capMs: 1 };
    const impatient = createRetryDelay({
      answered: limits,
      reconnect: limits,
      maxRetryAfterMs: 3000,
      random: () => 0,
    });
    expect(delays(impatient, error(503, "ServiceUnavailable", 5), 1)).toEqual([3000]);
  });

  it("grows for lists whose pages expire, which a relist does not mend", () => {
    const delay = delayWith(MOST);
    expect(Math.round(delay.nextMs(error(410, "Expired"), "list"))).toBe(800);
    expect(Math.round(delay.nextMs(error(410, "Expired"), "list"))).toBe(1600);
  });

  it("begins anew when a watch works; a list alone only shows that the server is back", () => {
    const delay = delayWith(MOST);
    delays(delay, AWAY, 5);
    delays(delay, BUSY, 2);
    delay.answered();
    expect([...delays(delay, AWAY, 1), ...delays(delay, BUSY, 1)]).toEqual([250, 3200]);
    delay.worked();
    expect([...delays(delay, AWAY, 1), ...delays(delay, BUSY, 1)]).toEqual([250, 800]);
  });
});
