// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { desiredRecords } from "../../src/object-sync/desired.ts";
import { plan } from "../../src/object-sync/plan.ts";
import { nodeOf, objectUidOf, trimRecord, type SyncRecord } from "../../src/object-sync/record.ts";
import { restorable } from "../../src/object-sync/restore.ts";
import { createRounds } from "../../src/object-sync/rounds.ts";
import { entry, record } from "./builders.ts";

describe("names of records", () => {
  it.each([
    { name: "edge-1.89c8bbd2", node: "edge-1", uid: "89c8bbd2" },
    { name: "edge.example.org.89c8bbd2", node: "edge.example.org", uid: "89c8bbd2" },
    { name: "nodot", node: "", uid: "nodot" },
    { name: ".u", node: "", uid: "u" },
  ])("name the node by all but the last dot part: $name", ({ name, node, uid }) => {
    expect([nodeOf(name), objectUidOf(name)]).toEqual([node, uid]);
  });
});

describe("a record in memory", () => {
  const metadata = { name: "n.u", namespace: "ns", uid: "1", resourceVersion: "2", labels: { a: "b" } };
  it.each([
    { when: "it is empty", object: { metadata }, want: ["", "", "", "", ""] },
    {
      when: "its fields are of other types",
      object: {
        metadata,
        spec: { objectKind: 1, objectName: {} },
        status: { objectResourceVersion: 7, objectDigest: 8 },
      },
      want: ["", "", "", "", ""],
    },
    {
      when: "it is whole",
      object: {
        metadata: {
          ...metadata,
          ownerReferences: [{ kind: "Node", uid: "nu", name: "n", apiVersion: "v1" }],
        },
        spec: { objectKind: "Pod", objectName: "p" },
        status: { objectResourceVersion: "7", objectDigest: "d" },
      },
      want: ["Pod", "p", "7", "nu", "d"],
    },
  ])("keeps what is compared and nothing else when $when", ({ object, want }) => {
    const { objectKind, objectName, acked, nodeUid, digest } = trimRecord(object);
    expect([objectKind, objectName, acked, nodeUid, digest]).toEqual(want);
    expect(trimRecord(object).metadata).toEqual({
      name: "n.u",
      namespace: "ns",
      uid: "1",
      resourceVersion: "2",
    });
  });
});

describe("records that are wanted", () => {
  it.each([
    { kind: "pod", namespace: "ns", says: "v1 Pod" },
    { kind: "configmap", namespace: "ns", says: "v1 ConfigMap" },
    { kind: "secret", namespace: "ns", says: "v1 Secret" },
    { kind: "node", namespace: "", says: "v1 Node" },
    { kind: "device", namespace: "ns", says: "devices.kubeedge.io/v1beta1 Device" },
    { kind: "devicemodel", namespace: "ns", says: "devices.kubeedge.io/v1beta1 DeviceModel" },
    {
      kind: "serviceaccountaccess",
      namespace: "ns",
      says: "policy.kubeedge.io/v1alpha1 ServiceAccountAccess",
    },
  ])("name a $kind as KubeEdge does", ({ kind, namespace, says }) => {
    const [wanted] = desiredRecords("edge-1", [{ ...entry("o", "9"), kind, namespace }]);
    expect(`${wanted?.objectAPIVersion} ${wanted?.objectKind}`).toBe(says);
    expect(wanted).toMatchObject({ namespace, name: "edge-1.uid-o", objectName: "o", resourceVersion: "9" });
  });

  it("are none of what is no object of the API", () => {
    expect(desiredRecords("edge-1", [{ ...entry("o", "1"), kind: "membership" }])).toEqual([]);
  });
});

describe("the plan of a node's records", () => {
  const wanted = desiredRecords("edge-1", [entry("a", "5")]);
  const [a] = wanted;
  it.each([
    { when: "nothing is there", existing: [], want: [{ do: "create", record: a }] },
    { when: "all is as it must be", existing: [record("a", "5")], want: [] },
    { when: "the version is older", existing: [record("a", "4")], want: [{ do: "version", record: a }] },
    { when: "S31 the version is abc", existing: [record("a", "abc")], want: [{ do: "version", record: a }] },
    { when: "S31 the version is missing", existing: [record("a", "")], want: [{ do: "version", record: a }] },
    { when: "S31 the version is -1", existing: [record("a", "-1")], want: [{ do: "version", record: a }] },
    {
      when: "S31 the version has 30 digits",
      existing: [record("a", "1".repeat(30))],
      want: [{ do: "version", record: a }],
    },
    {
      when: "it is about something else",
      existing: [{ ...record("a", "5"), objectName: "z" }],
      want: [{ do: "correct", record: a }],
    },
    {
      when: "the object was created again, and the old uid goes first",
      existing: [{ ...record("a", "3"), metadata: { ...record("a", "3").metadata, name: "edge-1.uid-old" } }],
      want: [
        { do: "remove", namespace: "ns", name: "edge-1.uid-old" },
        { do: "create", record: a },
      ],
    },
    {
      when: "another namespace has the same name",
      existing: [
        record("a", "5"),
        { ...record("a", "5"), metadata: { ...record("a", "5").metadata, namespace: "x" } },
      ],
      want: [{ do: "remove", namespace: "x", name: "edge-1.uid-a" }],
    },
  ])("does what is needed when $when", ({ existing, want }) => {
    expect(plan(wanted, existing)).toEqual(want);
  });
});

describe("what is restored", () => {
  const restored = (...records: SyncRecord[]) => restorable(records, "node-uid");

  it("is the version that the record tells", () => {
    expect(restored(record("a", "5"))).toEqual({
      garbage: [],
      records: [{ kind: "configmap", namespace: "ns", name: "a", uid: "uid-a", resourceVersion: "5" }],
    });
  });

  it.each(["abc", "", "-1", "1".repeat(30), "05", "5 "])(
    "S31 is nothing of a record that says %j",
    (acked) => {
      expect(restored(record("a", acked))).toEqual({ garbage: ["edge-1.uid-a"], records: [] });
    },
  );

  it.each([
    { what: "that was never acked", one: record("a", "0") },
    { what: "of a former Node of the name", one: { ...record("a", "5"), nodeUid: "other" } },
    {
      what: "of a kind that we do not deliver",
      one: { ...record("a", "5"), objectKind: "VolumeAttachment" },
    },
    { what: "of a Node", one: { ...record("a", "5"), objectKind: "Node" } },
    { what: "without an object's name", one: { ...record("a", "5"), objectName: "" } },
    { what: "whose object's name is a path", one: { ...record("a", "5"), objectName: "a/b" } },
    { what: "whose object's name no object can have", one: { ...record("a", "5"), objectName: "a#b" } },
    {
      what: "whose object's name is longer than any",
      one: { ...record("a", "5"), objectName: "a".repeat(254) },
    },
    { what: "whose uid is longer than any", one: record("u".repeat(128), "5", "a") },
  ])("is nothing $what", ({ one }) => {
    expect(restored(one)).toEqual({ garbage: [], records: [] });
  });

  it.each([
    { digest: "0123456789abcdef0123456789abcdef", want: { digest: "0123456789abcdef0123456789abcdef" } },
    { digest: "", want: {} },
    { digest: "no digest", want: {} },
  ])("has the digest that the record tells, if it is one: $digest", ({ digest, want }) => {
    const [first] = restored({ ...record("a", "5"), digest }).records;
    expect(first).toEqual({
      ...{ kind: "configmap", namespace: "ns", name: "a", uid: "uid-a", resourceVersion: "5" },
      ...want,
    });
  });

  it("includes what a CloudCore recorded, which names no owner", () => {
    expect(restored({ ...record("a", "5"), nodeUid: "" }).records).toHaveLength(1);
  });
});

describe("rounds", () => {
  const clock = { ms: 0 };
  const rounds = createRounds({ intervalMs: 5000, nowMs: () => clock.ms });

  it("let a node wait once, and write its records at most once in the interval", () => {
    expect([rounds.begin("n"), rounds.begin("n"), rounds.waiting]).toEqual([true, false, 1]);
    rounds.wrote("n");
    rounds.done("n");
    clock.ms = 2000;
    expect([rounds.begin("n"), rounds.waitMs("n"), rounds.waitMs("other")]).toEqual([true, 3000, 0]);
    clock.ms = 5000;
    rounds.prune();
    expect(rounds.waitMs("n")).toBe(0);
  });

  it("hold everybody when nobody may write", () => {
    rounds.hold(30_000);
    expect([rounds.waitMs("n"), rounds.waitMs("other")]).toEqual([30_000, 30_000]);
  });
});
