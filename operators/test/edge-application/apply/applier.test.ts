// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { createApplier, type Outcome } from "../../../src/edge-application/apply/applier.ts";
import { trimChild, type TrimmedChild } from "../../../src/edge-application/apply/child.ts";
import { createMemories, type Memory } from "../../../src/edge-application/memory.ts";
import type { Wanted } from "../../../src/edge-application/plan.ts";
import { refKey } from "../../../src/edge-application/resources.ts";
import { ApiError, type KubeObject, type Resource } from "../../../src/runtime/index.ts";

const MAPS: Resource = {
  group: "",
  version: "v1",
  plural: "configmaps",
  kind: "ConfigMap",
  namespaced: true,
};
const ref = { group: "", kind: "ConfigMap", namespace: "ns", name: "x" };
const owner = {
  ...{ apiVersion: "apps.kubeedge.io/v1alpha1", kind: "EdgeApplication", name: "shop" },
  ...{ uid: "u1", controller: true },
};
const wanted = (hash: string): Wanted => ({
  ...{ key: refKey(ref), ref, apiVersion: "v1", ordinal: 0, hash },
  object: () => ({
    ...{ apiVersion: "v1", kind: "ConfigMap", data: { hash } },
    metadata: { name: "x", namespace: "ns", ownerReferences: [owner] },
  }),
});
const notFound = new ApiError({ code: 404, reason: "NotFound", message: "gone" });

/** An API server with one object, and a cache that follows when it is told to. */
function createWorld() {
  let nowMs = 0;
  let live: KubeObject | undefined;
  let cached: TrimmedChild | undefined;
  let version = 10;
  const calls: string[] = [];
  let refusal: ApiError | undefined;
  const store = (object: object): KubeObject => {
    const { metadata, ...content } = object as KubeObject;
    version++;
    live = {
      ...content,
      metadata: { ...metadata, uid: live?.metadata.uid ?? `x${version}`, resourceVersion: `${version}` },
    };
    return live;
  };
  const applier = createApplier({
    client: {
      get: <T>() => {
        calls.push("get");
        return live === undefined ? Promise.reject(notFound) : Promise.resolve(live as T);
      },
      patch: () => Promise.reject(new Error("not expected")),

      apply: <T>(_: Resource, object: object) => {
        calls.push("apply");
        return refusal === undefined ? Promise.resolve(store(object) as T) : Promise.reject(refusal);
      },
    },
    clock: { nowMs: () => nowMs },
    children: { get: () => cached },
    ...{ lagMs: 10_000, retryBaseMs: 1000, retryCapMs: 300_000 },
  });
  return {
    calls,
    pass: (ms: number): void => void (nowMs += ms),
    refuse: (error: ApiError | undefined): void => void (refusal = error),
    follow: (): void => void (cached = live === undefined ? undefined : trimChild(live)),
    edit(data: Record<string, string>): void {
      store({ ...live, data });
      cached = live && trimChild(live);
    },
    delete(memory: Memory): void {
      live = cached = undefined;
      const applied = memory.applied.get(refKey(ref));
      if (applied !== undefined) memory.applied.set(refKey(ref), { ...applied, isGone: true });
    },
    apply: (what: Wanted, memory: Memory): Promise<Outcome> =>
      applier.apply(what, MAPS, memory, new AbortController().signal),
  };
}

let world: ReturnType<typeof createWorld>;
let memory: Memory;
beforeEach(() => {
  world = createWorld();
  memory = createMemories().of("ns/shop", "u1");
});
const callsOf = async (what = wanted("1")): Promise<string[]> => {
  world.calls.length = 0;
  await world.apply(what, memory);
  return [...world.calls];
};

describe("a child", () => {
  it("is applied once, and again when it is to be another", async () => {
    expect((await world.apply(wanted("1"), memory)).made).toBe("created");
    world.follow();
    expect(await callsOf()).toEqual([]);
    expect(await callsOf(wanted("2"))).toEqual(["apply"]);
    world.follow();
    expect(await callsOf(wanted("2"))).toEqual([]);
  });

  it("is not applied twice while the cache is behind, but looked for when it stays behind", async () => {
    await world.apply(wanted("1"), memory);
    expect(await callsOf()).toEqual([]);
    world.pass(9999);
    expect(await callsOf()).toEqual([]);
    world.pass(1);
    expect(await callsOf()).toEqual(["get", "apply"]);
  });

  it("is told to be made again when somebody deleted it", async () => {
    await world.apply(wanted("1"), memory);
    world.follow();
    world.delete(memory);
    expect((await world.apply(wanted("1"), memory)).made).toBe("recreated");
  });

  it("that others change again and again is put right ever more slowly, and says so", async () => {
    await world.apply(wanted("1"), memory);
    world.follow();
    for (let edits = 0; edits < 6; edits++) {
      world.edit({ hash: "theirs" });
      expect(await callsOf()).toEqual(["apply"]);
      world.follow();
    }
    world.edit({ hash: "theirs" });
    const waiting = await world.apply(wanted("1"), memory);
    expect(waiting).toMatchObject({ wasWritten: false, againInMs: 1000 });
    expect(waiting.fault).toMatch(/again and again/);
    world.pass(1000);
    expect(await callsOf()).toEqual(["apply"]);
    world.follow();
    world.edit({ hash: "theirs" });
    expect(await world.apply(wanted("1"), memory)).toMatchObject({ againInMs: 2000 });
    // Their last edit was long ago: all is forgiven.
    world.pass(600_000);
    expect(await callsOf()).toEqual(["apply"]);
    world.follow();
    world.edit({ hash: "theirs" });
    expect(await callsOf()).toEqual(["apply"]);
  });

  it("that is refused is tried again after 1 s, 2 s, 4 s; at once when it is to be another", async () => {
    world.refuse(new ApiError({ code: 422, reason: "Invalid", message: "no" }));
    for (const againInMs of [1000, 2000, 4000]) {
      expect(await world.apply(wanted("1"), memory)).toMatchObject({
        fault: expect.stringMatching(/no/),
        againInMs,
      });
      world.pass(againInMs - 1);
      expect(await callsOf()).toEqual([]);
      world.pass(1);
    }
    expect(await callsOf(wanted("2"))).toEqual(["get", "apply"]);
    world.refuse(undefined);
    expect(await callsOf(wanted("3"))).toEqual(["get", "apply"]);
    expect(memory.refused.size).toBe(0);
  });

  it.each([0, 401, 429])("ends the whole look when the API server answers %i", async (code) => {
    world.refuse(new ApiError({ code, reason: "X", message: "later" }));
    await expect(world.apply(wanted("1"), memory)).rejects.toThrow("later");
    expect(memory.refused.size).toBe(0);
  });

  it.each([
    { when: "its API is away", code: 503, reason: "ServiceUnavailable", message: "no endpoints" },
    { when: "it is too slow", code: 0, reason: "Timeout", message: "no answer within 35000 ms" },
    {
      when: "a webhook denies it with a code of its own",
      ...{ code: 429, reason: "TooManyRequests", message: 'admission webhook "x" denied the request: no' },
    },
  ])("stops no other when $when", async ({ message, ...error }) => {
    world.refuse(new ApiError({ ...error, message }));
    expect((await world.apply(wanted("1"), memory)).fault).toContain(message);
  });

  it("is tried again within a minute when only something did not answer, however long it was away", async () => {
    world.refuse(new ApiError({ code: 503, reason: "ServiceUnavailable", message: "away" }));
    const waits: (number | undefined)[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      const { againInMs = 0 } = await world.apply(wanted("1"), memory);
      waits.push(againInMs);
      world.pass(againInMs);
    }
    expect(waits.at(-1)).toBe(60_000);
  });

  it("that others delete again and again is made again ever more slowly, and says so", async () => {
    await world.apply(wanted("1"), memory);
    world.follow();
    for (let deletions = 0; deletions < 6; deletions++) {
      world.delete(memory);
      expect((await world.apply(wanted("1"), memory)).made).toBe("recreated");
      world.follow();
    }
    world.delete(memory);
    const waiting = await world.apply(wanted("1"), memory);
    expect(waiting).toMatchObject({ wasWritten: false, againInMs: 1000 });
    expect(waiting.fault).toMatch(/is deleted by somebody else again and again/);
    expect(waiting).not.toHaveProperty("child");
    world.pass(1000);
    expect((await world.apply(wanted("1"), memory)).made).toBe("recreated");
  });
});
