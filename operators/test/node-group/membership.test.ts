// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { BELONGING_TO } from "@longshore/crds/apps";
import type { NodePatch } from "../../src/node-group/decide.ts";
import { createMembership } from "../../src/node-group/membership.ts";
import { LEFT } from "../../src/node-group/record.ts";
import { ApiError, silentLog, type Client, type Resource, type Result } from "../../src/runtime/index.ts";
import { createFakeClock, type FakeClock } from "../runtime/fake-clock.ts";
import { groupObject, patched, rawNode } from "./builders.ts";
import { createWorld, type World } from "./world.ts";

const LOOK_AGAIN_MS = 5000;

interface Play {
  readonly world: World;
  readonly clock: FakeClock;
  /** Pods of node `n` by name: the group that they ask for. */
  readonly pods: Map<string, string>;
  readonly calls: string[];
  /** Errors of the next calls, by verb and plural. */
  readonly faults: Map<string, ApiError>;
  /** Another process with the same cluster. */
  restart(): void;
  reconcile(): Promise<Result>;
  left(): string | undefined;
}

const conflict = new ApiError({ code: 409, reason: "Conflict", message: "changed meanwhile" });

function play(): Play {
  const world = createWorld();
  const clock = createFakeClock();
  const pods = new Map<string, string>();
  const calls: string[] = [];
  const faults = new Map<string, ApiError>();
  const call = (verb: string, { plural }: Resource): void => {
    const what = `${verb} ${plural}`;
    const fault = faults.get(what);
    faults.delete(what);
    calls.push(fault === undefined ? what : `${what} failed`);
    if (fault !== undefined) throw fault;
  };
  const client = {
    list: async (resource: Resource) => {
      call("list", resource);
      const items = [...pods].map(([name, group]) => ({
        metadata: { name, namespace: "ns", uid: name, resourceVersion: "1" },
        spec: { nodeSelector: { [BELONGING_TO]: group } },
      }));
      return Promise.resolve({ resourceVersion: "1", items });
    },
    delete: async (resource: Resource, { name }: { name: string }) => {
      call("delete", resource);
      pods.delete(name);
      return Promise.resolve();
    },
    patch: async (resource: Resource, { name }: { name: string }, { body }: { body: NodePatch }) => {
      call("patch", resource);
      const raw = world.raw(name);
      if (raw?.metadata.resourceVersion !== body.metadata.resourceVersion) throw conflict;
      world.setNode(patched(raw, body));
      return Promise.resolve(world.raw(name));
    },
  } as unknown as Client;
  const create = () =>
    createMembership({
      ...{ client, clock, nodes: world.nodes, groups: world.groups },
      ...{ podPageSize: 500, lookAgainMs: LOOK_AGAIN_MS, conflictMs: 100 },
      refusals: { refused: () => undefined, settled: () => undefined, of: () => undefined },
    });
  let membership = create();
  return {
    ...{ world, clock, pods, calls, faults },
    restart: () => void (membership = create()),
    reconcile: () =>
      membership({ namespace: "", name: "n" }, { signal: new AbortController().signal, log: silentLog }),
    left: () => world.raw("n")?.metadata.annotations?.[LEFT],
  };
}

/** A member of `old` that nothing wants any more, and a pod of it. */
async function leaving(): Promise<Play> {
  const game = play();
  game.world.setGroup(groupObject("old", { nodes: ["n"] }));
  game.world.setNode(rawNode("n"));
  await game.reconcile();
  game.pods.set("early", "old");
  game.world.setGroup(groupObject("old", { nodes: [] }));
  game.calls.length = 0;
  return game;
}

describe("a node that leaves a group", () => {
  it("loses also a pod that the scheduler bound after its pods were looked at", async () => {
    const game = await leaving();
    expect(await game.reconcile()).toEqual({ requeueAfterMs: LOOK_AGAIN_MS });
    expect([...game.pods.keys()]).toEqual([]);
    game.pods.set("late", "old");
    game.pods.set("of-another", "new");
    game.clock.advance(LOOK_AGAIN_MS);
    expect(await game.reconcile()).toEqual({});
    expect([...game.pods.keys()]).toEqual(["of-another"]);
    expect(game.left()).toBeUndefined();
  });

  it("costs two writes and two lists of pods, however often it is looked at meanwhile", async () => {
    const game = await leaving();
    game.pods.clear();
    await game.reconcile();
    game.clock.advance(1000);
    expect(await game.reconcile()).toEqual({ requeueAfterMs: LOOK_AGAIN_MS - 1000 });
    game.clock.advance(LOOK_AGAIN_MS);
    await game.reconcile();
    await game.reconcile();
    expect(game.calls).toEqual(["patch nodes", "list pods", "list pods", "patch nodes"]);
  });

  it.each(["list pods", "patch nodes"])("is looked at again by the next process: dies at %s", async (at) => {
    const game = await leaving();
    await game.reconcile();
    game.pods.set("late", "old");
    game.clock.advance(LOOK_AGAIN_MS);
    game.faults.set(at, new ApiError({ code: 0, reason: "ConnectionFailed", message: "killed" }));
    await expect(game.reconcile()).rejects.toThrow("killed");
    expect(game.left()).toBe('["old"]');
    game.restart();
    game.pods.set("later", "old");
    await game.reconcile();
    game.clock.advance(LOOK_AGAIN_MS);
    await game.reconcile();
    expect([...game.pods.keys()]).toEqual([]);
    expect(game.left()).toBeUndefined();
  });

  it("does not start over when the Node changed while it was written down that all is done", async () => {
    const game = await leaving();
    await game.reconcile();
    game.clock.advance(LOOK_AGAIN_MS);
    game.faults.set("patch nodes", conflict);
    expect(await game.reconcile()).toEqual({ requeueAfterMs: 100 });
    expect(await game.reconcile()).toEqual({});
    expect(game.left()).toBeUndefined();
  });

  it("keeps the pods of a group that it came back to before the second look", async () => {
    const game = await leaving();
    await game.reconcile();
    game.world.setGroup(groupObject("old", { nodes: ["n"] }));
    game.pods.set("back", "old");
    await game.reconcile();
    game.clock.advance(LOOK_AGAIN_MS);
    await game.reconcile();
    expect([...game.pods.keys()]).toEqual(["back"]);
    expect(game.left()).toBeUndefined();
  });

  it("is looked at twice again when it leaves another group meanwhile", async () => {
    const game = await leaving();
    game.world.setGroup(groupObject("next", { nodes: ["n"] }));
    await game.reconcile();
    game.clock.advance(LOOK_AGAIN_MS - 1);
    game.world.setGroup(groupObject("next", { nodes: [] }));
    expect(await game.reconcile()).toEqual({ requeueAfterMs: LOOK_AGAIN_MS });
    game.pods.set("late", "next");
    game.clock.advance(LOOK_AGAIN_MS);
    await game.reconcile();
    expect([...game.pods.keys()]).toEqual([]);
    expect(game.left()).toBeUndefined();
  });
});
