// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { TrimmedChild } from "../../src/edge-application/apply/child.ts";
import type { Applied, Memory } from "../../src/edge-application/memory.ts";
import { refKey } from "../../src/edge-application/resources.ts";
import { viewOf } from "../../src/edge-application/view.ts";

const ref = { group: "apps", kind: "Deployment", namespace: "ns", name: "web-a" };
const KEY = refKey(ref);
const child = (resourceVersion = "20"): TrimmedChild => ({
  metadata: { name: "web-a", namespace: "ns", uid: "c", resourceVersion },
  ...{ ref, application: "u1", owner: undefined, target: "a", revision: "r1", digest: "d" },
  facts: { isObserved: true, desired: 2, upToDate: 2, available: 2, isAvailable: true, isServing: true },
});
const applied = (hash: string, more: Partial<Applied> = {}): Memory["applied"] =>
  new Map([[KEY, { hash, child: child(), atMs: 0, struggles: 0, ...more }]]);
const wanted = (hash: string): NonNullable<Memory["wanted"]> => new Map([[KEY, { hash, target: "a" }]]);
const target = { name: "a", group: "a", overriders: {} };

const none: Memory["applied"] = new Map();
const isFinished = (children: readonly TrimmedChild[], memory: Pick<Memory, "applied" | "wanted">): boolean =>
  viewOf({ target, nodes: [], children, memory }).workloads.every(
    ({ isObserved, desired, upToDate, available }) =>
      isObserved && upToDate >= desired && available >= desired,
  );

describe("a target looks finished to a rollout", () => {
  it.each<{
    when: string;
    children: TrimmedChild[];
    memory: Parameters<typeof isFinished>[1];
    want: boolean;
  }>([
    {
      when: "its objects were applied and their controllers are done",
      ...{ children: [child()], memory: { applied: applied("1"), wanted: wanted("1") }, want: true },
    },
    {
      when: "this process has looked at nothing yet",
      ...{ children: [child()], memory: { applied: none }, want: false },
    },
    {
      when: "this process has looked at nothing yet, and nothing is there",
      ...{ children: [], memory: { applied: none }, want: false },
    },
    {
      when: "what is wanted was not applied yet",
      ...{ children: [child()], memory: { applied: applied("1"), wanted: wanted("2") }, want: false },
    },
    {
      when: "it could not be made",
      ...{ children: [], memory: { applied: none, wanted: wanted("1") }, want: false },
    },
    {
      when: "the cache is behind the apply",
      ...{ children: [child("9")], memory: { applied: applied("1"), wanted: wanted("1") }, want: false },
    },
    {
      when: "somebody deleted it",
      ...{ children: [child()], memory: { applied: applied("1", { isGone: true }), wanted: wanted("1") } },
      want: false,
    },
    {
      when: "what is there waits for its end",
      ...{ children: [child()], memory: { applied: none, wanted: new Map() }, want: true },
    },
    {
      when: "objects of other targets are not done",
      ...{ children: [], memory: { applied: none, wanted: new Map([[KEY, { hash: "1", target: "b" }]]) } },
      want: true,
    },
  ])("$want: $when", ({ children, memory, want }) => expect(isFinished(children, memory)).toBe(want));
});
