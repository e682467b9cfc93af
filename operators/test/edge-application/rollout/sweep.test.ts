// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { createRolloutCounters } from "../../../src/edge-application/rollout/counters.ts";
import { sweepRollouts } from "../../../src/edge-application/rollout/sweep.ts";
import { silentLog } from "../../../src/runtime/index.ts";

const KEPT = "version.longshore.io/aaaaaaaaaaaaaaaa";
const GONE = "version.longshore.io/bbbbbbbbbbbbbbbb";

/** Rounds of a sweep; each pause is one. @param change what becomes of the world at a pause */
async function swept(
  world: { keys: string[]; uids: string[]; labels: Record<string, string>; owners: string[] },
  options: { change?: (pauses: number) => void; rounds?: number; fail?: boolean; maxLabels?: number } = {},
) {
  const { change, rounds = 2, fail = false, maxLabels } = options;
  const end = new AbortController();
  const removed: string[] = [];
  const registry = new Registry();
  let pauses = 0;
  const schedule = (_ms: number, task: () => void) => {
    pauses += 1;
    change?.(pauses);
    if (pauses >= rounds) end.abort();
    queueMicrotask(task);
    return () => undefined;
  };
  await sweepRollouts(
    {
      ...{ log: silentLog, counters: createRolloutCounters(registry), clock: { schedule } as never },
      nodes: () => [{ name: "host", labels: world.labels }],
      keys: () => new Set(world.keys),
      uids: () => new Set(world.uids),
      hosts: {
        set: (key, { node, version }) => {
          if (fail) return Promise.reject(new Error("no"));
          removed.push(`${node} ${key} ${version ?? "none"}`);
          return Promise.resolve();
        },
      },
      prePull: {
        owners: () => Promise.resolve(world.owners),
        clean: ({ uid }) => Promise.resolve(void removed.push(`job ${uid}`)),
      },
      ...(maxLabels !== undefined && { maxLabels }),
    },
    end.signal,
  );
  return { removed, metrics: await registry.metrics() };
}

describe("the sweep of what applications had left", () => {
  const world = () => ({
    keys: [KEPT],
    uids: ["here"],
    labels: { [KEPT]: "v1", [GONE]: "v1", "version.longshore.io/by-hand": "x", zone: "a" },
    owners: ["here", "gone"],
  });

  it("removes labels and jobs of applications that were deleted while nobody looked, and no others", async () => {
    const { removed, metrics } = await swept(world());
    expect(removed).toEqual([`host ${GONE} none`, "job gone"]);
    expect(metrics).toContain('longshore_rollout_swept_total{what="label"} 1');
    expect(metrics).toContain('longshore_rollout_swept_total{what="job"} 1');
  });
  it("removes nothing that an application turns out to own a moment later", async () => {
    const late = world();
    const change = (): void => {
      late.keys.push(GONE);
      late.uids.push("gone");
    };
    expect((await swept(late, { change })).removed).toEqual([]);
  });
  it("tries again in the next round what failed", async () => {
    const { removed } = await swept(world(), { rounds: 4, fail: true });
    expect(removed).toEqual(["job gone", "job gone"]);
  });
  it("removes no more in a round than it may", async () => {
    expect((await swept(world(), { maxLabels: 1 })).removed).toHaveLength(1);
  });
});
