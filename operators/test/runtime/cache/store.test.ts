// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createStore } from "../../../src/runtime/cache/store.ts";
import type { KubeObject } from "../../../src/runtime/client.ts";

interface Pod extends KubeObject {
  readonly node?: string;
}
const pod = (namespace: string, name: string, node?: string): Pod => ({
  metadata: { namespace, name, uid: name, resourceVersion: "1" },
  ...(node !== undefined && { node }),
});
const byNode = (p: Pod): string[] => (p.node === undefined ? [] : [p.node]);
const names = (pods: readonly Pod[]): string[] =>
  pods.map((p) => `${p.metadata.namespace ?? ""}/${p.metadata.name}`).sort();

describe("a store", () => {
  it("finds objects by index, everywhere and in one namespace, and no more once they moved", () => {
    const store = createStore<Pod>();
    store.set(pod("a", "early", "n1"));
    store.addIndex("node", byNode);
    store.set(pod("a", "x", "n1"));
    store.set(pod("b", "x", "n1"));
    store.set(pod("a", "nowhere"));
    expect(names(store.byIndex("node", "n1"))).toEqual(["a/early", "a/x", "b/x"]);
    expect(names(store.byIndex("node", "n1", "b"))).toEqual(["b/x"]);
    store.set(pod("a", "x", "n2"));
    store.delete("a/early");
    expect(names(store.byIndex("node", "n1"))).toEqual(["b/x"]);
    expect(names(store.list("a"))).toEqual(["a/nowhere", "a/x"]);
  });

  it("refuses unknown and doubled indexes", () => {
    const store = createStore<Pod>();
    store.addIndex("node", byNode);
    expect(() => store.addIndex("node", byNode)).toThrow(RangeError);
    expect(() => store.byIndex("model", "x")).toThrow(RangeError);
  });

  it("answers from an index what a scan would, after any changes", () => {
    const word = fc.constantFrom("a", "b", "c");
    const change = fc.record({
      namespace: word,
      name: word,
      node: fc.option(word, { nil: undefined }),
      gone: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const store = createStore<Pod>();
        store.addIndex("node", byNode);
        for (const { namespace, name, node, gone } of changes) {
          if (gone) store.delete(`${namespace}/${name}`);
          else store.set(pod(namespace, name, node));
        }
        for (const node of ["a", "b", "c"]) {
          const scan = store.list().filter((p) => p.node === node);
          expect(names(store.byIndex("node", node))).toEqual(names(scan));
          expect(names(store.byIndex("node", node, "a"))).toEqual(
            names(scan.filter((p) => p.metadata.namespace === "a")),
          );
        }
      }),
    );
  });
});
