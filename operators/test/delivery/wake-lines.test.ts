// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createWakeLines } from "../../src/delivery/wake-lines.ts";

/** Calls that are answered by hand. */
function bells() {
  const rung: { hub: string; nodes: readonly string[]; done: () => void; fail: (error: Error) => void }[] =
    [];
  const wake = createWakeLines(
    (hub, nodes) => new Promise((done, fail) => rung.push({ hub, nodes, done, fail })),
  );
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { rung, wake, settle };
}

describe("wake-ups of a hub", () => {
  it("go together when they come together, each node once", async () => {
    const { rung, wake, settle } = bells();
    const all = Promise.all([wake("h", "a"), wake("h", "b"), wake("h", "a")]);
    await settle();
    expect(rung.map(({ nodes }) => nodes)).toEqual([["a", "b"]]);
    rung[0]?.done();
    await all;
  });

  it("that come while a call is on its way go with the next, which waits for it", async () => {
    const { rung, wake, settle } = bells();
    const first = wake("h", "a");
    await settle();
    const later = Promise.all([wake("h", "b"), wake("h", "c")]);
    await settle();
    expect(rung).toHaveLength(1);
    rung[0]?.done();
    await first;
    await settle();
    expect(rung.map(({ nodes }) => nodes)).toEqual([["a"], ["b", "c"]]);
    rung[1]?.done();
    await later;
  });

  it("fail together, and the next call is made all the same", async () => {
    const { rung, wake, settle } = bells();
    const both = Promise.allSettled([wake("h", "a"), wake("h", "b")]);
    await settle();
    const next = wake("h", "c");
    rung[0]?.fail(new Error("away"));
    expect((await both).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await settle();
    expect(rung[1]?.nodes).toEqual(["c"]);
    rung[1]?.done();
    await next;
  });

  it("do not wait for those of another hub", async () => {
    const { rung, wake, settle } = bells();
    void wake("h", "a");
    void wake("i", "b");
    await settle();
    expect(rung.map(({ hub, nodes }) => [hub, ...nodes])).toEqual([
      ["h", "a"],
      ["i", "b"],
    ]);
  });
});
