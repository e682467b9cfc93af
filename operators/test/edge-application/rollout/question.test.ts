// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Measured } from "../../../src/edge-application/rollout/port.ts";
import { answered, type Question } from "../../../src/edge-application/rollout/question.ts";

const signal = new AbortController().signal;

const prometheus = () => {
  const asked: { answer: (measured: readonly Measured[]) => void; until: AbortSignal }[] = [];
  const holder: { question?: Question } = {};
  let nowMs = 0;
  const ask = (about: string, waitMs = 1): Promise<readonly Measured[] | undefined> =>
    answered(
      holder,
      {
        ...{ about, waitMs, maxAgeMs: 1000, wallMs: () => nowMs },
        ask: (until) => new Promise((resolve) => asked.push({ answer: resolve, until })),
      },
      signal,
    );
  return { asked, ask, pass: (ms: number) => (nowMs += ms) };
};

describe("what Prometheus is asked", () => {
  it("is waited for a short while only, asked once, and taken when it comes", async () => {
    const { asked, ask } = prometheus();
    expect(await ask("a")).toBeUndefined();
    expect(await ask("a")).toBeUndefined();
    expect(asked).toHaveLength(1);
    asked[0]?.answer([{ value: 1 }]);
    expect(await ask("a", 10_000)).toEqual([{ value: 1 }]);
    expect(await ask("a")).toBeUndefined();
    expect(asked).toHaveLength(2);
  });
  it("is given up when something else is asked", async () => {
    const { asked, ask } = prometheus();
    await ask("a");
    await ask("b");
    expect(asked.map(({ until }) => until.aborted)).toEqual([true, false]);
    asked[0]?.answer([{ value: 1 }]);
    expect(await ask("b")).toBeUndefined();
  });
  it("is asked anew when the answer is old", async () => {
    const { asked, ask, pass } = prometheus();
    await ask("a");
    asked[0]?.answer([{ value: 1 }]);
    await Promise.resolve();
    pass(1001);
    expect(await ask("a")).toBeUndefined();
    expect(asked).toHaveLength(2);
  });
});
