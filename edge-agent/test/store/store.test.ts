// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DesiredEvent, StoreChange, StoredObject } from "../../src/store/index.ts";
import { thrown } from "../tunnel/fakes.ts";
import { configMap, open, put, temporaryDirectory, type OpenStore } from "./gen.ts";

const opened: OpenStore[] = [];
const openFor = (...args: Parameters<typeof open>): OpenStore => {
  const store = open(...args);
  opened.push(store);
  return store;
};
afterEach(() => opened.splice(0).forEach((store) => store.close()));

describe("the desired store", () => {
  it("keeps what was applied across a restart, object and record", async () => {
    const directory = temporaryDirectory();
    const first = open(directory);
    await expect(first.desired.apply(put(configMap("a", "5")))).resolves.toBe("applied");
    await first.records.put("session", "sessionEpoch", 7);
    first.close();
    const second = openFor(directory);
    expect(second.desired.get("configmap/default/a")).toEqual(configMap("a", "5"));
    expect(second.records.get("session", "sessionEpoch")).toBe(7);
    expect(second.desired.inventory()).toEqual([["configmap/default/a", "uid-1", "5", "d"]]);
  });

  it("copies itself whole to a new file that only its owner can read", async () => {
    const directory = temporaryDirectory();
    const store = openFor(directory);
    await store.desired.apply(put(configMap("a", "5")));
    const to = join(temporaryDirectory(), "agent.db");
    store.backup(to);
    expect(statSync(to).mode & 0o777).toBe(0o600);
    expect(thrown(() => store.backup(to))).toMatchObject({ code: "IO" });
    const copy = openFor(dirname(to));
    expect(copy.desired.get("configmap/default/a")).toEqual(configMap("a", "5"));
    expect(copy.damage).toEqual([]);
  });

  it.each<{ when: string; held: Partial<StoredObject>; next: Partial<StoredObject>; want: string }>([
    { when: "a newer version comes", held: {}, next: { resourceVersion: "10" }, want: "applied" },
    { when: "the same version comes again", held: {}, next: {}, want: "stale" },
    {
      when: "an older version comes",
      held: { resourceVersion: "10" },
      next: { resourceVersion: "9" },
      want: "stale",
    },
    {
      when: "versions differ beyond 2^53",
      held: { resourceVersion: "9007199254740992" },
      next: { resourceVersion: "9007199254740993" },
      want: "applied",
    },
    {
      when: "another uid has a greater version",
      held: {},
      next: { uid: "uid-2", resourceVersion: "6" },
      want: "applied",
    },
    {
      when: "another uid has a lower version",
      held: {},
      next: { uid: "uid-2", resourceVersion: "4" },
      want: "stale",
    },
    {
      when: "a newer epoch has a lower version",
      held: {},
      next: { clusterEpoch: 2, resourceVersion: "1" },
      want: "applied",
    },
    {
      when: "an older epoch has a greater version",
      held: {},
      next: { clusterEpoch: 0, resourceVersion: "99" },
      want: "stale",
    },
  ])("says $want when $when", async ({ held, next, want }) => {
    const store = openFor(temporaryDirectory());
    await store.desired.apply(put(configMap("a", "5", held)));
    await expect(store.desired.apply(put({ ...configMap("a", "5", held), ...next }))).resolves.toBe(want);
  });

  it("deletes only the uid that is named", async () => {
    const store = openFor(temporaryDirectory());
    const key = "configmap/default/a";
    await store.desired.apply(put(configMap("a", "5")));
    await expect(store.desired.apply({ op: "delete", key, uid: "uid-9" })).resolves.toBe("other-uid");
    expect(store.desired.get(key)).toBeDefined();
    await expect(store.desired.apply({ op: "delete", key, uid: "uid-1" })).resolves.toBe("applied");
    await expect(store.desired.apply({ op: "delete", key, uid: "uid-1" })).resolves.toBe("stale");
    await store.desired.apply(put(configMap("a", "6")));
    await expect(store.desired.apply({ op: "delete", key, uid: "" })).resolves.toBe("applied");
  });

  it("shows a change only after it is committed, and tells listeners of the kind alone", async () => {
    const store = openFor(temporaryDirectory());
    const events: DesiredEvent[] = [];
    const off = store.desired.subscribe("configmap", (event) => void events.push(event));
    store.desired.subscribe("pod", () => {
      throw new Error("not for pods");
    });
    const done = store.desired.apply(put(configMap("a", "5")));
    expect(store.desired.get("configmap/default/a")).toBeUndefined();
    await done;
    await store.desired.apply({ op: "delete", key: "configmap/default/a", uid: "" });
    off();
    await store.desired.apply(put(configMap("a", "6")));
    expect(events.map(({ type, object }) => [type, object.resourceVersion])).toEqual([
      ["put", "5"],
      ["delete", "5"],
    ]);
  });

  it("goes on when a listener throws", async () => {
    const store = openFor(temporaryDirectory());
    store.desired.subscribe("configmap", () => {
      throw new Error("broken listener");
    });
    await expect(store.desired.apply(put(configMap("a", "5")))).resolves.toBe("applied");
    expect(store.lines.join()).toContain("a listener of the store failed");
  });

  it("agrees with a map of (epoch, version, uid) under any changes, also after a restart", async () => {
    const change = fc.record({
      op: fc.constantFrom<"put" | "delete">("put", "put", "delete"),
      name: fc.constantFrom("a", "b", "c"),
      uid: fc.constantFrom("u1", "u2"),
      rv: fc.constantFrom("1", "2", "9", "10", "11", "100"),
      epoch: fc.integer({ min: 1, max: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { maxLength: 8 }), { maxLength: 6 }), async (turns) => {
        const directory = temporaryDirectory();
        const model = new Map<string, { uid: string; rv: string; epoch: number }>();
        let store = open(directory);
        for (const turn of turns) {
          const applied = turn.map(({ op, name, uid, rv, epoch }) => {
            const key = `configmap/default/${name}`;
            const held = model.get(key);
            if (op === "delete" && held?.uid === uid) model.delete(key);
            const newer =
              !held || epoch > held.epoch || (epoch === held.epoch && Number(rv) > Number(held.rv));
            if (op === "put" && newer) model.set(key, { uid, rv, epoch });
            const object = configMap(name, rv, { uid, clusterEpoch: epoch });
            const what: StoreChange = op === "put" ? put(object) : { op, key, uid };
            return store.desired.apply(what);
          });
          await Promise.all(applied);
          store.close();
          store = open(directory);
        }
        const found = store.desired
          .list("configmap")
          .map((o) => [o.key, { uid: o.uid, rv: o.resourceVersion, epoch: o.clusterEpoch }]);
        store.close();
        expect(new Map(found as [string, { uid: string; rv: string; epoch: number }][])).toEqual(model);
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  it("B158 refuses a second agent on the data directory, and lets it in after the first is gone", () => {
    const directory = temporaryDirectory();
    const first = open(directory);
    expect(thrown(() => open(directory))).toMatchObject({ code: "LOCKED" });
    first.close();
    expect(() => openFor(directory)).not.toThrow();
  });

  it("is readable by its owner alone", () => {
    const directory = temporaryDirectory();
    openFor(directory);
    for (const file of ["agent.db", "agent.db-wal", "agent.lock"]) {
      expect(statSync(join(directory, file)).mode & 0o077).toBe(0);
    }
  });
});
