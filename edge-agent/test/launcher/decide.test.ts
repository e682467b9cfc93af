// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { decideStart, judge, restartDelayMs } from "../../src/launcher/decide.ts";
import type { Trial } from "../../src/trial/index.ts";

const trial = (more: Partial<Trial>): Trial => ({
  id: "uid/1",
  state: "trying",
  starts: 1,
  maxStarts: 3,
  healthTimeoutMs: 120_000,
  undo: [{ do: "slot", slot: "a" }],
  ...more,
});

describe("what to start", () => {
  it.each([
    { when: "nothing is on trial", given: undefined, isMade: false, want: { do: "run" } },
    {
      when: "the change was not made",
      given: trial({ state: "prepared" }),
      isMade: false,
      want: { do: "run" },
    },
    {
      when: "the change was made",
      given: trial({ state: "prepared", starts: 0 }),
      isMade: true,
      want: { do: "try", trial: { state: "trying", starts: 1 } },
    },
    {
      when: "starts are left",
      given: trial({ starts: 2 }),
      isMade: true,
      want: { do: "try", trial: { starts: 3 } },
    },
    {
      when: "no start is left",
      given: trial({ starts: 3 }),
      isMade: true,
      want: {
        do: "undo",
        trial: { state: "trying", reason: "the changed agent was started 3 times and was never well" },
      },
    },
    {
      when: "the change is gone, by hand or with the disk",
      given: trial({}),
      isMade: false,
      want: { do: "undo", trial: { state: "trying", reason: "what was changed is as it was before" } },
    },
    {
      when: "taking back was interrupted",
      given: trial({ reason: "was not well" }),
      isMade: false,
      want: { do: "undo", trial: { reason: "was not well" } },
    },
    {
      when: "the agent is well",
      given: trial({ state: "confirmed" }),
      isMade: true,
      want: { do: "run" },
    },
    {
      when: "the change was taken back",
      given: trial({ state: "rolled-back" }),
      isMade: false,
      want: { do: "run" },
    },
  ])("R35 does $want.do when $when", ({ given, isMade, want }) => {
    expect(decideStart(given, isMade)).toMatchObject(want);
  });
});

describe("verdict on an agent on trial that ended", () => {
  const exit = { by: "itself", code: 1, signal: null } as const;
  it.each([
    { when: "it ended and has starts left", given: trial({ starts: 2 }), end: exit, want: undefined },
    {
      when: "it ended at its last start",
      given: trial({ starts: 3 }),
      end: exit,
      want: "the changed agent ended with exit code 1, start 3 of 3",
    },
    {
      when: "a signal ended it",
      given: trial({ starts: 3 }),
      end: { by: "itself", code: null, signal: "SIGSEGV" } as const,
      want: "the changed agent was ended by SIGSEGV, start 3 of 3",
    },
    {
      when: "its time was over",
      given: trial({ starts: 1 }),
      end: { by: "time" } as const,
      want: "the changed agent was not well within 120 s",
    },
  ])("R35 says $want when $when", ({ given, end, want }) => {
    const judged = judge(given, end, "last words");
    expect({ reason: judged.reason, log: judged.log }).toEqual({ reason: want, log: "last words" });
    expect(judged.state).toBe("trying");
  });

  it("does not count a start that somebody stopped", () => {
    expect(judge(trial({ starts: 2 }), { by: "stop" }, "")).toEqual(trial({ starts: 1 }));
  });
});

describe("pause before an agent is started again", () => {
  it("doubles up to its longest", () => {
    const times = { restartMs: 1_000, restartMaxMs: 30_000 };
    expect([1, 2, 3, 5, 6, 1_000].map((ends) => restartDelayMs(ends, times))).toEqual([
      1_000, 2_000, 4_000, 16_000, 30_000, 30_000,
    ]);
  });
});
