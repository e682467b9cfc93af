// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { metadataDigest, objectDigest } from "../src/index.ts";

const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "p",
    namespace: "default",
    uid: "u1",
    resourceVersion: "5",
    generation: 1,
    labels: { app: "web" },
    managedFields: [{ manager: "a" }],
  },
  spec: { nodeName: "n1", containers: [{ name: "c", image: "i" }] },
  status: { phase: "Running" },
};
const withMetadata = (change: object) => ({ ...pod, metadata: { ...pod.metadata, ...change } });
const withoutStatus = { ...pod, status: undefined };
const bare = { metadata: pod.metadata, spec: pod.spec, status: pod.status };

describe("objectDigest", () => {
  it("is 32 hex characters", () => {
    expect(objectDigest(pod)).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each([
    ["status", { ...pod, status: { phase: "Failed", conditions: [1] } }],
    ["a missing status", withoutStatus],
    ["managedFields", withMetadata({ managedFields: [{ manager: "b" }, 7] })],
    ["resourceVersion", withMetadata({ resourceVersion: "6" })],
    ["generation", withMetadata({ generation: 2 })],
    ["missing apiVersion and kind", bare],
    ["the order of keys", reversed(pod)],
    ["undefined values", withMetadata({ annotations: undefined })],
  ])("is not changed by %s", (_what, changed) => {
    expect(objectDigest(changed as object)).toBe(objectDigest(pod));
  });

  it.each([
    ["a label", withMetadata({ labels: { app: "api" } })],
    ["an annotation", withMetadata({ annotations: { a: "" } })],
    ["the uid", withMetadata({ uid: "u2" })],
    ["a deletion", withMetadata({ deletionTimestamp: "2026-01-01T00:00:00Z" })],
    ["a grace period", withMetadata({ deletionGracePeriodSeconds: 30 })],
    ["the image", { ...pod, spec: { ...pod.spec, containers: [{ name: "c", image: "j" }] } }],
    ["the order of a list", { ...pod, spec: { ...pod.spec, containers: [{}, ...pod.spec.containers] } }],
    ["a status deeper inside", { ...pod, spec: { ...pod.spec, status: 1 } }],
    [
      "a resourceVersion deeper inside",
      { ...pod, spec: { ...pod.spec, metadata: { resourceVersion: "1" } } },
    ],
  ])("is changed by %s", (_what, changed) => {
    expect(objectDigest(changed)).not.toBe(objectDigest(pod));
  });

  it("is equal for equal specs, whatever their key order", () => {
    fc.assert(
      fc.property(fc.object({ maxDepth: 4, withNullPrototype: false }), (spec) => {
        const clean = JSON.parse(JSON.stringify(spec)) as object;
        expect(objectDigest({ spec: reversed(clean) as object })).toBe(objectDigest({ spec: clean }));
      }),
    );
  });
});

describe("metadataDigest", () => {
  it("changes with the uid and with the version only", () => {
    const base = metadataDigest({ uid: "a", resourceVersion: "1" });
    expect(metadataDigest({ uid: "a", resourceVersion: "1", name: "x" } as never)).toBe(base);
    expect(metadataDigest({ uid: "b", resourceVersion: "1" })).not.toBe(base);
    expect(metadataDigest({ uid: "a", resourceVersion: "2" })).not.toBe(base);
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, child]) => [key, reversed(child)]),
  );
}
