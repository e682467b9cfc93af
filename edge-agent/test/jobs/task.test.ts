// SPDX-License-Identifier: Apache-2.0
import { FLOWS, REPORT_LIMITS, type JobKind } from "@longshore/crds/tasks";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { StepOutcome } from "../../src/jobs/port.ts";
import { advance, hasBegun, newTask, type Task, type TaskEvent } from "../../src/jobs/task.ts";
import { KINDS } from "./world.ts";

const OK: StepOutcome = { ok: true };
const FAILED: StepOutcome = { ok: false, reason: "broken" };
const WAITS: StepOutcome = { ok: true, wait: "confirmation" };
const AT = Date.UTC(2026, 0, 2, 3, 4, 5);

const fresh = (kind: JobKind): Task =>
  newTask({ kind, name: "j", uid: "u", attempt: 1, spec: { a: 1 } }, "hub", 1);
const end = (outcome: StepOutcome): TaskEvent => ({ type: "end", outcome, timeMs: AT });
const walk = (task: Task, outcomes: readonly StepOutcome[]): Task =>
  outcomes.reduce((now, outcome) => advance(advance(now, { type: "begin" }), end(outcome)), task);
const flow = ({ actions }: Task): string =>
  actions.map(({ action, status }) => action + status[0]!).join(" ");

describe("the step machine", () => {
  it.each<[JobKind, readonly StepOutcome[], string, Task["state"], string]>([
    ["NodeUpgradeJob", [OK], "CheckT", "ready", "WaitingConfirmation"],
    ["NodeUpgradeJob", [OK, OK, OK, OK], "CheckT WaitingConfirmationT BackUpT UpgradeT", "ended", "Upgrade"],
    ["NodeUpgradeJob", [OK, WAITS], "CheckT WaitingConfirmationT", "confirming", "BackUp"],
    [
      "NodeUpgradeJob",
      [OK, OK, OK, FAILED],
      "CheckT WaitingConfirmationT BackUpT UpgradeF",
      "ready",
      "RollBack",
    ],
    [
      "NodeUpgradeJob",
      [OK, OK, OK, FAILED, OK],
      "CheckT WaitingConfirmationT BackUpT UpgradeF RollBackT",
      "ended",
      "RollBack",
    ],
    ["NodeUpgradeJob", [OK, OK, FAILED], "CheckT WaitingConfirmationT BackUpF", "ended", "BackUp"],
    [
      "NodeUpgradeJob",
      [OK, OK, OK, { ok: false, reason: "r", unchanged: true }],
      "CheckT WaitingConfirmationT BackUpT UpgradeF",
      "ended",
      "Upgrade",
    ],
    ["ImagePrePullJob", [OK, FAILED], "CheckT PullF", "ended", "Pull"],
    ["ConfigUpdateJob", [OK, OK, FAILED, FAILED], "CheckT BackUpT UpdateF RollBackF", "ended", "RollBack"],
    ["ConfigUpdateJob", [FAILED], "CheckF", "ended", "Check"],
    ["NodeUpgradeJob", [{ wait: "restart" }], "", "running", "Check"],
  ])("takes a %s whose steps end %j to %s", (kind, outcomes, actions, state, step) => {
    const task = walk(fresh(kind), outcomes);
    expect([flow(task), task.state, task.step]).toEqual([actions, state, step]);
  });

  it("keeps a note over the steps and a restart, and drops it and the spec when the task has ended", () => {
    const noted = advance(advance(fresh("ImagePrePullJob"), { type: "begin" }), {
      type: "keep",
      note: { n: 1 },
    });
    const next = advance(noted, end(OK));
    expect(next.note).toEqual({ n: 1 });
    const over = walk(next, [OK]);
    expect(over.note).toBeUndefined();
    expect(over.order).toMatchObject({ name: "j", spec: null });
  });

  it("goes on with a confirmation alone, and takes no other step for one", () => {
    const waiting = walk(fresh("NodeUpgradeJob"), [OK, WAITS]);
    expect(advance(waiting, { type: "begin" })).toBe(waiting);
    expect(advance(waiting, { type: "confirm" })).toMatchObject({ state: "ready", step: "BackUp" });
    const ready = fresh("NodeUpgradeJob");
    expect(advance(ready, { type: "confirm" })).toBe(ready);
  });

  it("holds other changes of the agent up while it runs, not while it waits for people", () => {
    const begun = advance(fresh("NodeUpgradeJob"), { type: "begin" });
    expect(begun.holds).toBe(true);
    expect(advance(begun, end(OK)).holds).toBe(true);
    expect(walk(fresh("NodeUpgradeJob"), [OK, WAITS]).holds).toBe(false);
    expect(walk(fresh("ConfigUpdateJob"), [FAILED]).holds).toBe(false);
  });

  it("keeps what a report may hold and no more, of the log its end", () => {
    const long = "x".repeat(10_000);
    const task = walk(fresh("ImagePrePullJob"), [
      OK,
      {
        ok: false,
        reason: long,
        log: `${long}end`,
        images: Array.from({ length: 600 }, () => ({ image: "i", status: "False", reason: long })),
        fromVersion: long,
      },
    ]);
    expect(task.actions[1]?.reason).toHaveLength(REPORT_LIMITS.reasonChars);
    expect(task.log).toHaveLength(REPORT_LIMITS.logChars);
    expect(task.log?.endsWith("end")).toBe(true);
    expect(task.images).toHaveLength(REPORT_LIMITS.images);
    expect(task.images?.[0]?.reason).toHaveLength(REPORT_LIMITS.imageReasonChars);
    expect(task.fromVersion).toHaveLength(REPORT_LIMITS.versionChars);
    expect(task.actions[0]).toEqual({ action: "Check", status: "True", time: "2026-01-02T03:04:05Z" });
  });

  it("is the same machine whatever happens to it: steps of the flow in its order, and an end is an end", () => {
    const outcome = fc.constantFrom<StepOutcome>(OK, FAILED, WAITS, { wait: "restart" });
    const event = fc.oneof(
      fc.constantFrom<TaskEvent>({ type: "begin" }, { type: "confirm" }, { type: "keep", note: 1 }),
      outcome.map(end),
    );
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), fc.array(event, { maxLength: 40 }), (kind, events) => {
        const steps = Object.keys(FLOWS[kind]);
        events.reduce((before, next) => {
          const after = advance(before, next);
          const at = after.actions.map(({ action }) => steps.indexOf(action));
          expect(at).toEqual([...new Set(at)].sort((a, b) => a - b));
          expect(after.actions.length - before.actions.length).toBe(after.changes - before.changes);
          if (before.state === "ended") expect(after).toBe(before);
          if (hasBegun(before)) expect(hasBegun(after)).toBe(true);
          return after;
        }, fresh(kind));
      }),
      { numRuns: 300 },
    );
  });
});
