// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { assignmentOf } from "../../../src/edge-application/rollout/assignment.ts";
import type { Status } from "../../../src/edge-application/rollout/state.ts";

const scopes: Readonly<Record<string, readonly string[]>> = {
  r1: ["a", "b", "old"],
  r2: ["a", "b"],
  r3: ["a", "b", "new"],
};
const assigned = (status: Status, running: Readonly<Record<string, string>>) => {
  const { revisions, untouched, shared } = assignmentOf({
    status: { revision: "r3", stableRevision: "r1", ...status },
    running: new Map(Object.entries(running)),
    targetsOf: (revision) => {
      const names = scopes[revision];
      return names && new Map(names.map((name) => [name, name]));
    },
    wantedTargets: ["a", "b", "new"],
  });
  return { revisions: Object.fromEntries([...revisions].sort()), untouched: [...untouched].sort(), shared };
};

describe("which revision a target has", () => {
  it.each<{
    when: string;
    status: Status;
    running: Record<string, string>;
    want: ReturnType<typeof assigned>;
  }>([
    {
      when: "E10 the first batch has the newest, others what they had, and one that is dropped stays until the end",
      status: { phase: "Progressing", updatedTargets: ["a"] },
      running: { a: "r2", b: "r1", old: "r1" },
      want: { revisions: { a: "r3", b: "r1", old: "r1" }, untouched: ["new"], shared: "r3" },
    },
    {
      when: "a superseded revision stays where it is until the newest comes",
      status: { phase: "PrePulling", updatedTargets: [] },
      running: { a: "r2", b: "r1", old: "r1" },
      want: { revisions: { a: "r2", b: "r1", old: "r1" }, untouched: ["new"], shared: "r2" },
    },
    {
      when: "all go to the stable one on the way back, and one that only the failed one has goes away",
      status: { phase: "RollingBack", updatedTargets: [] },
      running: { a: "r3", b: "r2", new: "r3" },
      want: { revisions: { a: "r1", b: "r1", old: "r1" }, untouched: [], shared: "r1" },
    },
    {
      when: "a paused way back moves nobody",
      status: { phase: "Paused", resumePhase: "RollingBack", updatedTargets: [] },
      running: { a: "r3", b: "r1", new: "r3" },
      want: { revisions: { a: "r3", b: "r1", new: "r3", old: "r1" }, untouched: [], shared: "r3" },
    },
    {
      when: "what was deployed before there was a rollout stays as it is",
      status: { phase: "PrePulling", stableRevision: "gone", updatedTargets: [] },
      running: { a: "plain", b: "plain" },
      want: { revisions: {}, untouched: ["a", "b", "new"], shared: undefined },
    },
    {
      when: "nothing is taken away when the stable revision cannot be read",
      status: { phase: "RolledBack", stableRevision: "gone", updatedTargets: [] },
      running: { a: "r3", b: "gone" },
      want: { revisions: {}, untouched: ["a", "b"], shared: undefined },
    },
  ])("$when", ({ status, running, want }) => {
    expect(assigned(status, running)).toEqual(want);
  });
});
