// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { TrimmedChild } from "../../../src/edge-application/apply/child.ts";
import { prune, type PruneCall } from "../../../src/edge-application/prune/pruner.ts";
import { ApiError, type Resource } from "../../../src/runtime/index.ts";

const DEPLOYMENTS: Resource = {
  ...{ group: "apps", version: "v1", plural: "deployments", kind: "Deployment", namespaced: true },
};
const OWNER = { apiVersion: "apps.kubeedge.io/v1alpha1", kind: "EdgeApplication", name: "shop", uid: "u1" };
const child: TrimmedChild = {
  metadata: { name: "web-a", namespace: "ns", uid: "c", resourceVersion: "1" },
  ref: { group: "apps", kind: "Deployment", namespace: "ns", name: "web-a" },
  ...{ application: "u1", owner: OWNER, target: "a", digest: "" },
};
const no = new ApiError({ code: 403, reason: "Forbidden", message: "not now" });

/** One child that is wanted no more, and an API server that may refuse its deletion. */
function createWorld() {
  let nowMs = 0;
  let refusal: ApiError | undefined;
  let deletions = 0;
  const call: PruneCall = {
    ...{ uid: "u1", namespace: "ns", wanted: new Set(), faults: [], refused: [], isScopeUnsure: false },
    ...{ keeps: () => false, planned: new Set(), scope: new Set(), remembered: [], unpruned: new Map() },
    signal: new AbortController().signal,
  };
  const deps = {
    client: {
      get: () => Promise.reject(new Error("not expected")),
      delete: () => {
        deletions++;
        return refusal === undefined ? Promise.resolve() : Promise.reject(refusal);
      },
    },
    children: { of: () => [child], get: () => child, resourceOf: () => DEPLOYMENTS },
    discovery: { resourceOf: () => Promise.resolve(DEPLOYMENTS) },
    clock: { nowMs: () => nowMs },
    ...{ concurrency: 2, retryBaseMs: 1000, retryCapMs: 4000 },
  };
  return {
    call,
    refuse: (error: ApiError | undefined): void => void (refusal = error),
    pass: (ms: number): void => void (nowMs += ms),
    prune: () => prune(deps, call),
    deletions: () => deletions,
  };
}

describe("what cannot be deleted", () => {
  it("is tried again ever more slowly, and told until it is gone", async () => {
    const world = createWorld();
    world.refuse(no);
    for (const againInMs of [1000, 2000, 4000, 4000]) {
      const before = world.deletions();
      expect(await world.prune()).toMatchObject({
        ...{
          deleted: [],
          againInMs,
          faults: [expect.stringMatching(/Deployment web-a cannot be deleted: not now/)],
        },
        kept: [{ kind: "Deployment", name: "web-a" }],
      });
      world.pass(againInMs - 1);
      expect(await world.prune()).toMatchObject({ againInMs: 1, faults: [expect.stringMatching(/not now/)] });
      expect(world.deletions()).toBe(before + 1);
      world.pass(1);
    }
    world.refuse(undefined);
    expect(await world.prune()).toEqual({ deleted: ["Deployment web-a"], kept: [], faults: [] });
    expect(world.call.unpruned.size).toBe(0);
  });
});
