// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { EdgeApplication } from "@longshore/crds/apps";
import { createMemory, give, newest } from "../../../src/edge-application/rollout/memory.ts";
import type { Status } from "../../../src/edge-application/rollout/state.ts";

const app = (rollout: Status | undefined, revision?: string): EdgeApplication => ({
  ...{ apiVersion: "apps.kubeedge.io/v1alpha1", kind: "EdgeApplication", spec: { workloadScope: {} } },
  metadata: { name: "cdn", namespace: "edge", uid: "u1", resourceVersion: "1" },
  status: {
    ...(rollout && { rollout }),
    ...(revision && { targets: [{ name: "a", revision }, { name: "b" }] }),
  },
});
const first: Status = { phase: "PrePulling", batch: 1 };
const second: Status = { phase: "Progressing", batch: 1 };
const third: Status = { phase: "Verifying", batch: 1 };

describe("the memory of rollouts", () => {
  const remembered = () => {
    const entry = createMemory(10).of("u1", 0);
    give(entry, undefined, { status: first, running: new Map() });
    give(entry, first, { status: second, running: new Map([["a", "r2"]]) });
    return entry;
  };

  it.each([
    { when: "the cache has none of our writes", cached: undefined, want: second },
    { when: "the cache has an older one of them", cached: first, want: second },
    {
      when: "the cache has the newest, its fields in another order",
      cached: { batch: 1, phase: "Progressing" },
      want: second,
    },
    { when: "somebody else wrote", cached: third, want: third },
  ])("goes on from $want.phase when $when", ({ cached, want }) => {
    expect(newest(remembered(), app(cached)).status).toEqual(want);
  });

  it("reads the targets' revisions from the status after a restart", () => {
    const { running } = newest(createMemory(10).of("u1", 0), app(third, "r7"));
    expect([...running]).toEqual([["a", "r7"]]);
  });

  it("forgets the application that was asked for the longest ago", () => {
    const memory = createMemory(2);
    const old = memory.of("u1", 0);
    memory.of("u2", 0);
    memory.of("u1", 1);
    memory.of("u3", 2);
    expect(memory.of("u1", 3)).toBe(old);
    expect(memory.of("u2", 4).begunMs).toBe(4);
  });

  it("keeps no more replaced statuses than it may", () => {
    const entry = createMemory(1).of("u1", 0);
    for (let batch = 0; batch < 100; batch += 1)
      give(entry, { batch }, { status: { batch: batch + 1 }, running: new Map() });
    expect(entry.replaced).toHaveLength(16);
  });
});
