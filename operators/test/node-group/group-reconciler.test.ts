// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { BELONGING_TO } from "@longshore/crds/apps";
import { createGroupReconciler } from "../../src/node-group/group-reconciler.ts";
import type { NodeGroupObject } from "../../src/node-group/group.ts";
import { silentLog, type Client, type EventDetails, type Result } from "../../src/runtime/index.ts";
import { createFakeClock } from "../runtime/fake-clock.ts";
import { groupObject, rawNode } from "./builders.ts";
import { createWorld } from "./world.ts";

const FINALIZER = "apps.kubeedge.io/nodegroup-controller";

/** A group with so many members, and all that is written of it. */
function play(members: number) {
  const world = createWorld();
  const clock = createFakeClock(Date.UTC(2026, 0, 1));
  let object = groupObject("g", { matchLabels: { site: "s" } }, { finalizers: [FINALIZER] });
  world.setGroup(object);
  const told: EventDetails[] = [];
  let writes = 0;
  const client = {
    apply: (_: unknown, { status }: Pick<NodeGroupObject, "status">) => {
      writes += 1;
      object = { ...object, ...(status !== undefined && { status }) };
      return Promise.resolve(object);
    },
    patch: () => Promise.reject(new Error("nothing else is written")),
  } as unknown as Client;
  const reconcile = createGroupReconciler({
    ...world,
    ...{ client, clock, statusEveryMs: 1000, maxNodeStatuses: 2000, conflictMs: 100 },
    recorder: { event: (_, details) => void told.push(details) },
    objects: { get: () => object },
    refusals: { of: () => undefined },
  });
  const set = (node: number, ready: "True" | "False"): void =>
    world.setNode(rawNode(`n-${String(node)}`, { labels: { site: "s", [BELONGING_TO]: "g" }, ready }));
  for (let node = 0; node < members; node += 1) set(node, "True");
  return {
    ...{ clock, set, told },
    writes: () => writes,
    status: () => object.status,
    reconcile: (): Promise<Result> =>
      reconcile({ namespace: "", name: "g" }, { signal: new AbortController().signal, log: silentLog }),
  };
}

describe("the status of a group whose nodes come and go all the time", () => {
  it.each([
    [50, 4],
    [5000, 2],
  ])("of %i nodes is written at most %i times in ten seconds, without any event", async (members, most) => {
    const game = play(members);
    await game.reconcile();
    const [before, told] = [game.writes(), game.told.length];
    for (let flip = 0; flip < 200; flip += 1) {
      game.set(flip % members, flip % 3 === 0 ? "True" : "False");
      game.clock.advance(50);
      await game.reconcile();
    }
    expect(game.writes() - before).toBeLessThanOrEqual(most);
    expect(game.writes()).toBeGreaterThan(before);
    expect(game.told).toHaveLength(told);
  });

  it("is as fresh as ever when they come to rest", async () => {
    const game = play(2);
    const flip = async (is: "True" | "False"): Promise<number> => {
      game.set(1, is);
      return (await game.reconcile()).requeueAfterMs ?? 0;
    };
    await game.reconcile();
    const rests: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const restMs = await flip(i % 2 === 0 ? "False" : "True");
      rests.push(restMs);
      game.clock.advance(restMs);
      await game.reconcile();
    }
    expect(rests).toEqual([1000, 2000, 4000, 5000, 5000]);
    game.clock.advance(20_000);
    expect(await flip("True")).toBe(0);
    expect(await flip("False")).toBe(1000);
  });

  it("shows the last of it in the end", async () => {
    const game = play(2);
    await game.reconcile();
    game.set(1, "False");
    const { requeueAfterMs = 0 } = await game.reconcile();
    expect(requeueAfterMs).toBe(1000);
    game.clock.advance(requeueAfterMs);
    await game.reconcile();
    expect(game.status()?.summary).toEqual({ nodes: 2, ready: 1, offline: 1 });
  });

  it("keeps the time of a condition that only says something else", async () => {
    const game = play(3);
    const ready = () => game.status()?.conditions?.find(({ type }) => type === "Ready");
    const step = async (node: number, is: "True" | "False") => {
      game.set(node, is);
      game.clock.advance(60_000);
      await game.reconcile();
      return [ready()?.status, ready()?.lastTransitionTime];
    };
    await game.reconcile();
    expect(ready()?.lastTransitionTime).toBe("2026-01-01T00:00:00Z");
    expect(await step(0, "False")).toEqual(["False", "2026-01-01T00:01:00Z"]);
    expect(await step(1, "False")).toEqual(["False", "2026-01-01T00:01:00Z"]);
    expect(ready()?.message).toContain("2 of 3 nodes are not Ready");
    await step(0, "True");
    expect(await step(1, "True")).toEqual(["True", "2026-01-01T00:04:00Z"]);
  });

  it("is not even looked at too often when a huge group has nothing new to tell", async () => {
    const game = play(5000);
    await game.reconcile();
    game.clock.advance(60_000);
    expect(await game.reconcile()).toEqual({});
    expect(await game.reconcile()).toEqual({ requeueAfterMs: 500 });
  });
});
