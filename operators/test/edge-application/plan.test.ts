// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { RenderedSpec } from "@longshore/crds/apps";
import { planOf, type Parts } from "../../src/edge-application/plan.ts";
import type { RolloutStep, TargetPlan } from "../../src/edge-application/rollout/index.ts";
import { configMap, deployment } from "./bench.ts";

const owner = { name: "shop", namespace: "ns", uid: "u1" };
const spec = (...manifests: Record<string, unknown>[]): RenderedSpec => ({
  workloadScope: {},
  workloadTemplate: { manifests },
});
const target = (name: string, of: RenderedSpec, more: Partial<TargetPlan> = {}): TargetPlan => ({
  ...{ target: { name, group: name, overriders: {} }, revision: "r1", spec: of },
  ...more,
});
const step = (of: RenderedSpec, targets: TargetPlan[], more: Partial<RolloutStep> = {}): RolloutStep => ({
  ...{ targets, shared: { revision: "r1", spec: of }, keeps: () => false, conditions: [] },
  ...more,
});
const annotationsIn = (plan: ReturnType<typeof planOf>, index: number): unknown =>
  plan.wanted[index]?.object().metadata["annotations"];

describe("a plan", () => {
  it("names what each object is for, and its revision while there is a rollout", () => {
    const web = spec(deployment("web"), configMap("conf"));
    const plain = planOf(owner, step(web, [target("a", web)]), new Map());
    expect(plain.wanted.map(({ ref, target: of }) => [ref.kind, ref.name, of])).toEqual([
      ["Deployment", "web-a", "a"],
      ["ConfigMap", "conf", undefined],
    ]);
    expect(annotationsIn(plain, 0)).toMatchObject({ "longshore.io/target": "a" });
    expect(annotationsIn(plain, 0)).not.toHaveProperty(["longshore.io/revision"]);
    expect(annotationsIn(plain, 1)).not.toHaveProperty(["longshore.io/target"]);
    const rolling = planOf(owner, step(web, [target("a", web)], { status: {} }), new Map());
    expect(annotationsIn(rolling, 0)).toMatchObject({ "longshore.io/revision": "r1" });
    expect(rolling.wanted[0]?.hash).not.toBe(plain.wanted[0]?.hash);
    expect(rolling.wanted[1]?.hash).toBe(plain.wanted[1]?.hash);
  });

  it("is rendered again only where something changed", () => {
    const parts: Parts = new Map();
    const web = spec(deployment("web"));
    const first = planOf(owner, step(web, [target("a", web), target("b", web)]), parts);
    const [a, b, shared] = [...parts.values()];
    const next = [target("a", web), target("b", web, { maxUnavailable: 1 })];
    const second = planOf(owner, step(web, next), parts);
    const [newA, newB, newShared] = [...parts.values()];
    expect([newA === a, newB === b, newShared === shared]).toEqual([true, false, true]);
    expect(second.wanted[0]?.hash).toBe(first.wanted[0]?.hash);
    planOf(owner, step(web, []), parts);
    expect(parts.size).toBe(1);
  });

  it("gives one object once, and says which manifest has it", () => {
    const web = spec(deployment("web"), { ...deployment("web-a"), metadata: once("web-a") });
    const { wanted, faults } = planOf(owner, step(web, [target("a", web)]), new Map());
    expect(wanted.map(({ ref, ordinal }) => [ref.name, ordinal])).toEqual([["web-a", 0]]);
    expect(faults).toEqual([
      {
        ordinal: 1,
        message: "manifests[1]: is Deployment web-a, which manifests[0] gives already; rename one",
      },
    ]);
  });

  it("gives one object once, also when the first that gives it is held back", () => {
    const web = spec(deployment("web"), deployment("web-a"));
    const targets = [target("a-b", web, { holds: () => true }), target("b", web)];
    const { wanted, held, faults } = planOf(owner, step(web, targets), new Map());
    expect(held.map(({ ref }) => ref.name)).toEqual(["web-a-b", "web-a-a-b"]);
    expect(wanted.map(({ ref }) => ref.name)).toEqual(["web-b"]);
    expect(faults).toEqual([
      expect.objectContaining({
        target: "b",
        message: expect.stringMatching(/is Deployment web-a-b, which/),
      }),
    ]);
  });

  it("tells what changes nothing, of each target and of the whole, also when nothing is rendered again", () => {
    const job = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "j" } };
    const web = spec(deployment("web"), { ...job, spec: { ttlSecondsAfterFinished: 1 } });
    const overriders = { envOverriders: [{ containerName: "nope", operator: "add" as const, value: [] }] };
    const typo = target("a", web, { target: { name: "a", group: "a", overriders } });
    const parts: Parts = new Map();
    const told = [expect.stringMatching(/^workloadScope\[a\].*"nope"/), expect.stringMatching(/ttlSeconds/)];
    expect(planOf(owner, step(web, [typo]), parts).notes).toEqual(told);
    expect(planOf(owner, step(web, [typo]), parts).notes).toEqual(told);
  });

  it("leaves alone what a rollout holds", () => {
    const web = spec(deployment("web"), deployment("api"));
    const holds: TargetPlan["holds"] = ({ object }) => object.metadata.name === "api-a";
    const { wanted, held } = planOf(owner, step(web, [target("a", web, { holds })]), new Map());
    expect(wanted.map(({ ref }) => ref.name)).toEqual(["web-a"]);
    expect(held.map(({ ref }) => ref.name)).toEqual(["api-a"]);
  });
});

const once = (name: string) => ({ name, annotations: { "longshore.io/once": "true" } });
