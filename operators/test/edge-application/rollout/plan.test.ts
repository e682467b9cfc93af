// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { EdgeApplicationRollout } from "@longshore/crds/apps";
import { batchesOf } from "../../../src/edge-application/rollout/batches.ts";
import { plan, type Facts } from "../../../src/edge-application/rollout/plan.ts";
import { capOf, policyOf } from "../../../src/edge-application/rollout/policy.ts";
import type { Status } from "../../../src/edge-application/rollout/state.ts";

const START = Date.parse("2030-01-01T00:00:00Z");
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();
const check = { name: "errors", query: "q", operator: "<" as const, threshold: "0.01" };
const checks = { checks: [check], checkPolicy: { initialDelaySeconds: 0, intervalSeconds: 1, successes: 2 } };
const stated = [
  { name: "one", targets: ["a", "nowhere"] },
  { name: "two", targets: ["b", "a"] },
];

function planned(
  status: Status | undefined,
  rollout: EdgeApplicationRollout,
  facts: Partial<Facts> & { seconds?: number } = {},
) {
  const { seconds = 0, ...more } = facts;
  const all: Facts = {
    ...{ nowMs: START + seconds * 1000, wanted: "r2" },
    batches: batchesOf(stated, ["a", "b", "c"]),
    stableTargets: ["a", "b", "c"],
    waitsFor: () => undefined,
    ...more,
  };
  return plan(status, { policy: policyOf(rollout), facts: all });
}
const inPhase = (phase: string, more: Status = {}): Status => ({
  ...{ phase, phaseStartTime: at(0), revision: "r2", stableRevision: "r1" },
  ...{ batch: 1, batches: 3, batchName: "one" },
  updatedTargets: phase === "PrePulling" ? [] : ["a"],
  ...more,
});
const waits = { waitsFor: () => "DaemonSet cache-a has 1 of 2 pods available" };
const pull = (state: "pulled" | "pulling" | "absent") => ({ pull: { batch: 0, answer: { state } } });

describe("batches", () => {
  it("put a target into the first that names it, the rest last, and tell what is unknown", () => {
    expect(batchesOf(stated, ["a", "b", "c"])).toEqual({
      batches: [
        { name: "one", targets: ["a"] },
        { name: "two", targets: ["b"] },
        { name: "rest", targets: ["c"] },
      ],
      unknown: ["nowhere"],
    });
  });
  it.each([
    { maxUnavailable: 2, nodes: 10, cap: 2 },
    { maxUnavailable: "25%", nodes: 10, cap: 2 },
    { maxUnavailable: "5%", nodes: 10, cap: 1 },
    { maxUnavailable: 0, nodes: 10, cap: 1 },
    { maxUnavailable: "100%", nodes: 7, cap: 7 },
  ])("let $cap of $nodes be down with $maxUnavailable", ({ maxUnavailable, nodes, cap }) => {
    expect(capOf(maxUnavailable, nodes)).toBe(cap);
  });
});

describe("the next step of a rollout", () => {
  it.each([
    { when: "there is a new revision", status: undefined, want: { kind: "pull", batch: 0, targets: ["a"] } },
    {
      when: "another one is superseded",
      status: inPhase("Verifying", { revision: "r0" }),
      want: { kind: "pull", batch: 0 },
    },
    { when: "checks are due", status: inPhase("Verifying"), want: { kind: "measure" } },
  ])("asks for $want.kind when $when", ({ status, want }) => {
    expect(planned(status, checks).want).toMatchObject(want);
  });

  it.each([
    {
      when: "images are there",
      status: inPhase("PrePulling"),
      facts: { ...pull("pulled"), ...waits },
      phase: "Progressing",
    },
    {
      when: "nobody pulls images",
      status: inPhase("PrePulling"),
      facts: { ...pull("absent"), ...waits },
      phase: "Progressing",
    },
    {
      when: "images are being pulled",
      status: inPhase("PrePulling"),
      facts: pull("pulling"),
      phase: "PrePulling",
    },
    {
      when: "they take too long",
      status: inPhase("PrePulling"),
      facts: { ...pull("pulling"), seconds: 600 },
      phase: "RolledBack",
      reason: "PullFailed",
    },
    { when: "a target is waited for", status: inPhase("Progressing"), facts: waits, phase: "Progressing" },
    { when: "all targets are done", status: inPhase("Progressing"), facts: {}, phase: "Verifying" },
    {
      when: "the deadline passes",
      status: inPhase("Progressing"),
      facts: { ...waits, seconds: 600 },
      phase: "RollingBack",
      reason: "DeadlineExceeded",
    },
    {
      when: "one success is missing",
      status: inPhase("Verifying"),
      facts: { measured: [{ value: 0 }] },
      phase: "Verifying",
    },
    {
      when: "a check fails",
      status: inPhase("Verifying"),
      facts: { measured: [{ value: 0.5 }], ...waits },
      phase: "RollingBack",
      reason: "CheckFailed",
    },
    {
      when: "a value is no number",
      status: inPhase("Verifying"),
      facts: { measured: [{ value: Number.NaN }], ...waits },
      phase: "RollingBack",
      reason: "CheckFailed",
    },
    {
      when: "a check is silent",
      status: inPhase("Verifying"),
      facts: { measured: [{ error: "down" }], seconds: 299 },
      phase: "Verifying",
    },
    {
      when: "a check is silent for long",
      status: inPhase("Verifying"),
      facts: { measured: [{ error: "down" }], seconds: 300 },
      phase: "Paused",
      reason: "CheckUnavailable",
    },
    {
      when: "the way back is done",
      status: inPhase("RollingBack", { reason: "CheckFailed" }),
      facts: {},
      phase: "RolledBack",
      reason: "CheckFailed",
    },
    {
      when: "what failed is wanted still",
      status: inPhase("RolledBack", { failedRevision: "r2" }),
      facts: {},
      phase: "RolledBack",
    },
    {
      when: "the stable revision is wanted again",
      status: inPhase("RolledBack", { revision: "r3" }),
      facts: { wanted: "r1" },
      phase: "Completed",
    },
    {
      when: "there is nothing to return to",
      status: inPhase("Verifying"),
      facts: { measured: [{ value: 1 }], stableTargets: undefined },
      phase: "Failed",
      reason: "NothingToReturnTo",
    },
    {
      when: "there is no target yet",
      status: undefined,
      facts: { batches: batchesOf([], []), stableTargets: undefined },
      phase: "Pending",
    },
  ])("is $phase when $when", ({ status, facts, phase, reason }) => {
    const { status: next } = planned(status, checks, facts);
    expect(next.phase).toBe(phase);
    expect(next.reason).toBe(reason);
  });

  it("A38 goes to the next batch only after as many successes in a row as are asked for", () => {
    const once = planned(inPhase("Verifying"), checks, { measured: [{ value: 0 }] }).status;
    expect(once).toMatchObject({
      phase: "Verifying",
      checks: [{ name: "errors", value: "0", passed: 1, failed: 0 }],
    });
    const twice = planned(once, checks, { measured: [{ value: 0 }], seconds: 1 });
    expect(twice).toMatchObject({
      status: { phase: "PrePulling", batch: 2 },
      want: { kind: "pull", batch: 1 },
    });
  });

  it("measures each batch anew", () => {
    const done = inPhase("Verifying", { checks: [{ name: "errors", passed: 1 }] });
    const fast = { ...checks, prePull: { enabled: false } };
    const next = planned(done, fast, { measured: [{ value: 0 }] });
    expect(next.status).toMatchObject({ phase: "Verifying", batch: 2 });
    expect(next.status.checks).toBeUndefined();
  });

  it("waits for the interval, whatever else happens", () => {
    const { want, afterMs } = planned(inPhase("Verifying"), checks, { seconds: 5.5, askedMs: START + 5000 });
    expect({ want, afterMs }).toEqual({ want: undefined, afterMs: 500 });
  });

  it("does not count the time that it was paused", () => {
    const paused = planned(
      inPhase("Progressing"),
      { ...checks, paused: true },
      { ...waits, seconds: 500 },
    ).status;
    expect(paused).toMatchObject({
      phase: "Paused",
      reason: "Paused",
      resumePhase: "Progressing",
      elapsedSeconds: 500,
    });
    const resumed = planned(paused, checks, { ...waits, seconds: 9000 });
    expect(resumed).toMatchObject({
      status: { phase: "Progressing", phaseStartTime: at(8500) },
      afterMs: 100_000,
    });
  });

  it("keeps why it goes back over a pause", () => {
    const back = inPhase("RollingBack", {
      reason: "CheckFailed",
      message: "measured 1",
      failedRevision: "r2",
    });
    const paused = planned(back, { ...checks, paused: true }, waits).status;
    expect(paused).toMatchObject({ phase: "Paused", resumePhase: "RollingBack" });
    expect(planned(paused, checks).status).toMatchObject({
      ...{ phase: "RolledBack", reason: "CheckFailed", message: "measured 1", failedRevision: "r2" },
    });
  });

  it("finds its batch anew when the order was edited", () => {
    const status = inPhase("Progressing", { batch: 2, batchName: "two", updatedTargets: ["a", "b"] });
    const batches = batchesOf([{ name: "new", targets: ["c"] }], ["a", "b", "c"]);
    expect(planned(status, checks, { batches })).toMatchObject({
      status: { phase: "PrePulling", batch: 1, batchName: "new" },
      want: { targets: ["c"] },
    });
  });

  it("gives a target that joins an earlier batch the revision at once", () => {
    const status = inPhase("Progressing", { batch: 2, batchName: "two", updatedTargets: ["a", "b"] });
    const batches = batchesOf(
      [{ name: "one", targets: ["a", "d"] }, ...stated.slice(1)],
      ["a", "b", "c", "d"],
    );
    expect(planned(status, checks, { batches, ...waits }).status.updatedTargets).toEqual(["a", "b", "d"]);
  });

  it("tells batches' targets that the application does not have", () => {
    expect(planned(inPhase("Progressing"), checks, waits).status.message).toMatch(/does not have: nowhere$/);
  });
});

describe("what a plan must not trust", () => {
  it("a clock that was ahead holds up neither checks nor the deadline", () => {
    const ahead = inPhase("Progressing", { phaseStartTime: at(3600) });
    const { status } = planned(ahead, { progressDeadlineSeconds: 30 }, { seconds: 10, ...waits });
    expect(status.phaseStartTime).toBe(at(10));
    const later = planned(status, { progressDeadlineSeconds: 30 }, { seconds: 40, ...waits });
    expect(later.status).toMatchObject({ phase: "RollingBack", reason: "DeadlineExceeded" });
    const rows = [{ name: "errors", value: "0", time: at(3600), passed: 1, failed: 0 }];
    const verifying = inPhase("Verifying", { checks: rows });
    expect(planned(verifying, checks, { seconds: 10 }).want).toEqual({ kind: "measure" });
  });
  it("a stable revision that somebody deleted on the way back was not returned to", () => {
    const back = inPhase("RollingBack", { reason: "CheckFailed", message: "check errors: measured 1" });
    const { status } = planned(back, checks, { stableTargets: undefined });
    expect(status).toMatchObject({
      ...{ phase: "Failed", reason: "NothingToReturnTo" },
      message: expect.stringContaining("check errors: measured 1; there is no earlier revision"),
    });
  });
});
