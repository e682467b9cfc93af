// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { formatKey, formatResource, parseKey, parseResource } from "../../src/wire/index.ts";

const invalid = expect.objectContaining({ code: "INVALID_RESOURCE" });

describe("parseResource", () => {
  it.each([
    ["default/pod/web-1", { namespace: "default", type: "pod", name: "web-1" }],
    ["null/node/edge-1", { namespace: "", type: "node", name: "edge-1" }],
    ["kube-node-lease/lease/edge-1", { namespace: "kube-node-lease", type: "lease", name: "edge-1" }],
    [
      "default/configmap/kube-root-ca.crt",
      { namespace: "default", type: "configmap", name: "kube-root-ca.crt" },
    ],
    ["default/podstatus", { namespace: "default", type: "podstatus", name: "" }],
    ["node", { namespace: "", type: "node", name: "" }],
    ["membership", { namespace: "", type: "membership", name: "" }],
    ["membership/detail", { namespace: "", type: "membership/detail", name: "" }],
    ["k8s/ca.crt", { namespace: "", type: "k8s/ca.crt", name: "" }],
    ["watchapp/sync", { namespace: "", type: "watchapp/sync", name: "" }],
    ["session", { namespace: "", type: "session", name: "" }],
    ["twin", { namespace: "", type: "twin", name: "" }],
    ["device/ns/d1/twin/edge_updated", { namespace: "ns", type: "device/twin/edge_updated", name: "d1" }],
    ["device/ns/d1/state/update", { namespace: "ns", type: "device/state/update", name: "d1" }],
    [
      "operations.kubeedge.io/v1alpha2/nodeupgradejob/up/node/edge-1",
      { namespace: "", type: "operations.kubeedge.io", name: "v1alpha2/nodeupgradejob/up/node/edge-1" },
    ],
    ["upgrade/ID/node/edge-1", { namespace: "", type: "upgrade", name: "ID/node/edge-1" }],
    ["task/ID/node/edge-1", { namespace: "", type: "task", name: "ID/node/edge-1" }],
  ])("reads %s, and formatResource writes it back", (text, path) => {
    expect(parseResource(text)).toEqual(path);
    expect(formatResource(path)).toBe(text);
  });

  it.each([
    ["B61", "default/pod/../../node/b/secret/x"],
    ["B61", "default/pod/.."],
    ["B61", "../pod/x"],
    ["B61", "default/pod/."],
    ["B61", "default/pod/a..b"],
    ["B62", "default/pod/%2e%2e"],
    ["B62", "default/pod/%252e"],
    ["B62", "default/pod/a\\b"],
    ["B62", "default//x"],
    ["B62", "default/pod/x/"],
    ["B62", "/default/pod/x"],
    ["B63", "default/secret"],
    ["B63", "a/b/c/d/e"],
    ["B63", "a/b/c/d"],
    ["B63", "secret"],
    ["B63", ""],
    ["B64", "default/pod/a\0b"],
    ["B64", "default/pod/a\r\nb"],
    ["B64", "default/pod/a\u202eb"],
    ["B64", "default/pod\uff0fx/y"],
    ["B64", "default/pod/a b"],
    ["B64", "default/pod/n\u043ede1"],
    ["B65", `default/pod/${"a".repeat(254)}`],
    ["B65", `upgrade/${"a/".repeat(600)}node`],
    ["B61", "device/ns/../twin/edge_updated"],
    ["B63", "device/ns/d1/twin/other"],
    ["B61", "operations.kubeedge.io/../secret/x"],
  ])("%s refuses %j", (_row, text) => {
    expect(() => parseResource(text)).toThrow(invalid);
  });

  it("B65 accepts a segment of 253 characters", () => {
    expect(parseResource(`default/pod/${"a".repeat(253)}`).name).toHaveLength(253);
  });

  it("never returns a part with a slash in it for namespace or object name", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "/", ".", "%", "\\", "\0", "null", "pod") }),
        (text) => {
          try {
            const path = parseResource(text);
            expect(formatResource(path)).toBe(text);
            expect(path.namespace).not.toMatch(/[/%\\]|\.\./);
          } catch (error) {
            expect(error).toEqual(invalid);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    { namespace: "a/b", type: "pod", name: "x" },
    { namespace: "default", type: "pod", name: "x/y" },
    { namespace: "null", type: "pod", name: "x" },
    { namespace: "", type: "pod", name: "../x" },
  ])("B61 formatResource refuses parts that would read back otherwise: %j", (path) => {
    expect(() => formatResource(path)).toThrow(invalid);
  });
});

describe("keys", () => {
  it.each([
    ["pod/default/web-1", { kind: "pod", namespace: "default", name: "web-1" }],
    ["node//edge-1", { kind: "node", namespace: "", name: "edge-1" }],
  ])("%s is read and written", (text, key) => {
    expect(parseKey(text)).toEqual(key);
    expect(formatKey(key)).toBe(text);
  });

  it.each(["", "pod", "pod/x", "pod/a/b/c", "pod/default/", "/default/x", "pod/../x", "pod/default/a b"])(
    "B63 refuses the key %j",
    (text) => {
      expect(() => parseKey(text)).toThrow(invalid);
    },
  );
});
