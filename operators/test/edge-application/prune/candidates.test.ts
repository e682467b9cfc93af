// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { TrimmedChild } from "../../../src/edge-application/apply/child.ts";
import { isPruned, mayBeGone, type PruneInput } from "../../../src/edge-application/prune/candidates.ts";
import { refKey } from "../../../src/edge-application/resources.ts";

const ref = (name: string, kind = "Deployment") => ({ group: "apps", kind, namespace: "ns", name });
const OWNER = { apiVersion: "apps.kubeedge.io/v1alpha1", kind: "EdgeApplication", name: "shop", uid: "u1" };

const child = (more: Partial<TrimmedChild> = {}): TrimmedChild => ({
  metadata: { name: "web-a", namespace: "ns", uid: "c", resourceVersion: "1" },
  ...{ ref: ref("web-a"), application: "u1", owner: OWNER, target: "a", digest: "" },
  ...more,
});
const input = (more: Partial<PruneInput> = {}): PruneInput => ({
  ...{ uid: "u1", wanted: new Set<string>(), faults: [], refused: [], keeps: () => false },
  ...{ isScopeUnsure: false, planned: new Set(["a"]), scope: new Set(["a"]) },
  ...more,
});

describe("what is wanted no more", () => {
  it.each<{ when: string; of?: PruneInput; what?: TrimmedChild; goes: boolean }>([
    { when: "nothing speaks for it", goes: true },
    { when: "it is wanted", of: input({ wanted: new Set([refKey(ref("web-a"))]) }), goes: false },
    { when: "another application owns it", what: child({ owner: { ...OWNER, uid: "u2" } }), goes: false },
    { when: "another kind owns it", what: child({ owner: { ...OWNER, kind: "Job" } }), goes: false },
    { when: "nobody owns it", what: child({ owner: undefined }), goes: false },
    {
      when: "it is going already",
      what: child({ metadata: { ...child().metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } }),
      goes: false,
    },
    { when: "a manifest cannot be read", of: input({ faults: [{}] }), goes: false },
    { when: "its target cannot be rendered", of: input({ faults: [{ target: "a" }] }), goes: false },
    { when: "another target cannot be rendered", of: input({ faults: [{ target: "b" }] }), goes: true },
    {
      when: "what took its place was refused",
      of: input({ refused: [{ kind: "Deployment", target: "a" }] }),
      goes: false,
    },
    { when: "something else was refused", of: input({ refused: [{ kind: "Service" }] }), goes: true },
    {
      when: "a rollout keeps its version",
      of: input({ keeps: ({ target }) => target === "a" }),
      goes: false,
    },
    { when: "its target waits for its batch", of: input({ planned: new Set() }), goes: false },
    { when: "its target was dropped", of: input({ planned: new Set(), scope: new Set() }), goes: true },
    {
      when: "its target was dropped, and a manifest cannot be read",
      of: input({ planned: new Set(), scope: new Set(), faults: [{}] }),
      goes: true,
    },
    {
      when: "its target was dropped, and a part of the scope means nothing",
      of: input({ planned: new Set(), scope: new Set(), isScopeUnsure: true }),
      goes: false,
    },
    {
      when: "it is for no target, and a manifest cannot be read",
      what: child({ target: undefined as never }),
      of: input({ scope: new Set(), faults: [{}] }),
      goes: false,
    },
    { when: "it is a revision", what: child({ ref: ref("shop-1", "ControllerRevision") }), goes: false },
  ])("goes: $goes, when $when", ({ of = input(), what = child(), goes }) =>
    expect(isPruned(of, what)).toBe(goes),
  );

  it.each([
    { name: "web-a-b", planned: ["b"], goes: false },
    { name: "web-b", planned: ["b"], goes: true },
    { name: "web", planned: [], goes: true },
  ])("of CloudCore is placed by its name: $name goes: $goes", ({ name, planned, goes }) => {
    const of = input({ scope: new Set(["b", "a-b"]), planned: new Set(planned) });
    expect(mayBeGone(of, ref(name))).toBe(goes);
  });
});
