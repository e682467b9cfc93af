// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { SessionRegistry } from "../../../src/hub/session/registry.ts";

describe("the registry of sessions", () => {
  it("R18 the end of an old connection leaves the new one of the same node alone", () => {
    const registry = new SessionRegistry<{ node: string; connection: string; supersede(): void }>();
    const ended: string[] = [];
    const session = (connection: string) => ({
      node: "n",
      connection,
      supersede: () => void ended.push(connection),
    });
    const [older, newer] = [session("a"), session("b")];
    expect([registry.add(older), registry.add(newer)]).toEqual([false, true]);
    expect(ended).toEqual(["a"]);
    expect(registry.remove(older)).toBe(false);
    expect(registry.newestOf("n")).toBe(newer);
    expect(registry.remove(newer)).toBe(true);
    expect(registry.size).toBe(0);
  });
});
