// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { silent } from "../fakes.ts";
import type { ObservedPod } from "../../../src/pods/model/observed.ts";
import { RuntimeView } from "../../../src/pods/runtime/view.ts";

const podSeen = (uid: string): ObservedPod => ({
  uid,
  name: uid,
  namespace: "default",
  sandboxes: [],
  containers: [],
});

function make() {
  let monoMs = 0;
  let looks = 0;
  let answer: () => Promise<ReadonlyMap<string, ObservedPod>> = () => Promise.resolve(new Map());
  const changes: (readonly string[])[] = [];
  let synced = 0;
  const view = new RuntimeView({
    observer: {
      relist: () => {
        looks += 1;
        return answer();
      },
    },
    clock: { nowMs: () => 0, monotonicMs: () => monoMs, schedule: () => () => undefined },
    log: silent,
    onChange: (uids) => changes.push(uids),
    onSynced: () => void (synced += 1),
  });
  return {
    view,
    changes,
    looks: () => looks,
    synced: () => synced,
    advance: (ms: number) => void (monoMs += ms),
    answerWith: (next: typeof answer) => void (answer = next),
  };
}

describe("RuntimeView", () => {
  it("looks once for all who ask while a look is under way, and begins that look after they asked", async () => {
    const t = make();
    let release: () => void = () => undefined;
    t.answerWith(() => new Promise((resolve) => (release = () => resolve(new Map()))));
    const first = t.view.relist();
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    expect(t.looks()).toBe(1);
    const [second, third] = [t.view.relist(), t.view.relist()];
    expect(second).toBe(third);
    t.answerWith(() => Promise.resolve(new Map()));
    release();
    await Promise.all([first, second]);
    expect(t.looks()).toBe(2);
  });

  it("names only the pods that changed", async () => {
    const t = make();
    const [a, b] = [podSeen("a"), podSeen("b")];
    t.answerWith(() =>
      Promise.resolve(
        new Map([
          ["a", a],
          ["b", b],
        ]),
      ),
    );
    await t.view.relist();
    const sandbox = { id: "s", attempt: 0, ready: true, createdAtMs: 0, ip: "", additionalIps: [] };
    t.answerWith(() =>
      Promise.resolve(
        new Map([
          ["a", { ...a, sandboxes: [sandbox] }],
          ["b", { ...b }],
        ]),
      ),
    );
    await t.view.relist();
    t.answerWith(() => Promise.resolve(new Map([["a", { ...a, sandboxes: [sandbox] }]])));
    await t.view.relist();
    expect(t.changes).toEqual([["a", "b"], ["a"], ["b"]]);
  });

  it("R41 B127 in part: says that the runtime does not answer, grows old, and decides every pod anew when it answers again", async () => {
    const t = make();
    expect(t.view.ageMs()).toBe(Infinity);
    t.answerWith(() => Promise.resolve(new Map([["a", podSeen("a")]])));
    await t.view.relist();
    t.answerWith(() => Promise.reject(new Error("hangs")));
    t.advance(12_000);
    await expect(t.view.relist()).rejects.toThrow("hangs");
    expect([t.view.synced, t.view.ageMs(), [...t.view.pods.keys()]]).toEqual([false, 12_000, ["a"]]);
    t.answerWith(() => Promise.resolve(new Map()));
    await t.view.relist();
    expect([t.view.synced, t.view.ageMs(), t.synced()]).toEqual([true, 0, 2]);
    expect(t.changes.at(-1)).toEqual(["a"]);
  });
});
