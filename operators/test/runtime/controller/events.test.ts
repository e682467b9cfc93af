// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { KubeObject, ObjectMeta, Resource } from "../../../src/runtime/client.ts";
import type { Enqueue, ObjectEvent, Predicate } from "../../../src/runtime/controller/event.ts";
import { enqueueMapped, enqueueOwner, enqueueSelf } from "../../../src/runtime/controller/handler.ts";
import {
  allOf,
  annotationsChanged,
  anyOf,
  generationChanged,
  labelsChanged,
  not,
  resourceVersionChanged,
} from "../../../src/runtime/controller/predicate.ts";
import { keyOf, requestOf } from "../../../src/runtime/controller/request.ts";
import { createChannel, createKindSource, LOW_PRIORITY } from "../../../src/runtime/controller/source.ts";
import type { Informer } from "../../../src/runtime/cache/informer.ts";
import { CONFIG_MAPS } from "../kinds.ts";

const object = (metadata: Partial<ObjectMeta> = {}): KubeObject => ({
  metadata: { name: "a", namespace: "ns", uid: "u", resourceVersion: "1", ...metadata },
});
const update = (old: Partial<ObjectMeta>, now: Partial<ObjectMeta>): ObjectEvent => ({
  type: "update",
  old: object(old),
  object: object(now),
});
const keys = (items: Iterable<Enqueue>): string[] => [...items].map(keyOf);

const SETS: Resource = { group: "apps", version: "v1", plural: "sets", kind: "Set", namespaced: true };
const owned = (name: string, controller = true, apiVersion = "apps/v1"): Partial<ObjectMeta> => ({
  ownerReferences: [{ apiVersion, kind: "Set", name, uid: name, controller }],
});

describe("requests", () => {
  it.each(["ns/name", "name"])("survive the way through the key %s", (key) => {
    expect(keyOf(requestOf(key))).toBe(key);
  });
});

describe("event handlers", () => {
  it("enqueue the object itself", () => {
    expect(keys(enqueueSelf({ type: "create", object: object(), initial: false }))).toEqual(["ns/a"]);
    expect(keys(enqueueSelf(update({}, { resourceVersion: "2" })))).toEqual(["ns/a"]);
  });

  it("enqueue the old and the new owner, so that the abandoned one reconciles too", () => {
    expect(keys(enqueueOwner(SETS)(update(owned("x"), owned("y"))))).toEqual(["ns/x", "ns/y"]);
  });

  it("enqueue one owner once, whatever version the reference names", () => {
    expect(keys(enqueueOwner(SETS)(update(owned("x"), owned("x", true, "apps/v1beta1"))))).toEqual(["ns/x"]);
  });

  it("leave out owners that do not control, and those of another group, unless every owner is asked for", () => {
    const event: ObjectEvent = { type: "delete", object: object(owned("x", false)), stateUnknown: true };
    expect(keys(enqueueOwner(SETS)(event))).toEqual([]);
    expect(keys(enqueueOwner(SETS, { everyOwner: true })(event))).toEqual(["ns/x"]);
    expect(keys(enqueueOwner({ ...SETS, group: "other" }, { everyOwner: true })(event))).toEqual([]);
  });

  it("map the old and the new state", () => {
    const byLabel = enqueueMapped((o) => [{ namespace: "", name: o.metadata.labels?.["node"] ?? "none" }]);
    expect(keys(byLabel(update({ labels: { node: "n1" } }, { labels: { node: "n2" } })))).toEqual([
      "n1",
      "n2",
    ]);
  });
});

describe("predicates", () => {
  const changes: Record<string, ObjectEvent> = {
    resync: update({}, {}),
    spec: update({ generation: 1 }, { generation: 2, resourceVersion: "2" }),
    status: update({ generation: 1 }, { generation: 1, resourceVersion: "2" }),
    labels: update({ labels: { a: "1" } }, { labels: { a: "2" }, resourceVersion: "2" }),
    annotations: update({ annotations: { a: "1" } }, { annotations: { a: "2" }, resourceVersion: "2" }),
    create: { type: "create", object: object(), initial: true },
  };
  const passing = (predicate: Predicate): string[] =>
    Object.keys(changes).filter((name) => predicate(changes[name]!));

  it.each<{ name: string; predicate: Predicate; want: string[] }>([
    { name: "generationChanged", predicate: generationChanged, want: ["spec", "create"] },
    {
      name: "resourceVersionChanged",
      predicate: resourceVersionChanged,
      want: ["spec", "status", "labels", "annotations", "create"],
    },
    { name: "labelsChanged", predicate: labelsChanged, want: ["labels", "create"] },
    { name: "annotationsChanged", predicate: annotationsChanged, want: ["annotations", "create"] },
    { name: "anyOf", predicate: anyOf(generationChanged, labelsChanged), want: ["spec", "labels", "create"] },
    { name: "allOf", predicate: allOf(generationChanged, labelsChanged), want: ["create"] },
    { name: "not", predicate: not(generationChanged), want: ["resync", "status", "labels", "annotations"] },
  ])("$name passes $want", ({ predicate, want }) => {
    expect(passing(predicate)).toEqual(want);
  });
});

describe("sources", () => {
  function kindSource(predicates: Predicate[] = []): { tell: (event: ObjectEvent) => void; got: Enqueue[] } {
    const handlers: ((event: ObjectEvent) => void)[] = [];
    const informer = {
      resource: CONFIG_MAPS,
      addHandler: (h: (event: ObjectEvent) => void) => handlers.push(h),
    };
    const got: Enqueue[] = [];
    const source = createKindSource({
      informer: informer as unknown as Informer,
      handler: enqueueSelf,
      predicates,
    });
    source.start((item) => got.push(item));
    return { got, tell: (event) => handlers.forEach((handler) => handler(event)) };
  }

  it.each<{ when: string; event: ObjectEvent; want: number }>([
    {
      when: "an object was there at the start",
      event: { type: "create", object: object(), initial: true },
      want: LOW_PRIORITY,
    },
    { when: "an object was made", event: { type: "create", object: object(), initial: false }, want: 0 },
    { when: "nothing changed", event: update({}, {}), want: LOW_PRIORITY },
    { when: "something changed", event: update({}, { resourceVersion: "2" }), want: 0 },
    { when: "an object is gone", event: { type: "delete", object: object(), stateUnknown: false }, want: 0 },
  ])("give priority $want when $when", ({ event, want }) => {
    const { tell, got } = kindSource();
    tell(event);
    expect(got).toEqual([{ namespace: "ns", name: "a", priority: want }]);
  });

  it("enqueue only what all predicates let through", () => {
    const { tell, got } = kindSource([generationChanged, labelsChanged]);
    tell(update({ generation: 1 }, { generation: 2 }));
    expect(got).toEqual([]);
  });

  it("keep what a channel was given before the start, once a key, and refuse past the limit", () => {
    const channel = createChannel("c", 2);
    const accepted = ["a", "a", "b", "c"].map((name) => channel.enqueue({ namespace: "", name }));
    expect(accepted).toEqual([true, true, true, false]);
    const got: string[] = [];
    channel.start((item) => got.push(item.name));
    channel.enqueue({ namespace: "", name: "d" });
    expect(got).toEqual(["a", "b", "d"]);
  });
});
