// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { BELONGING_TO, type NodeGroupSpec } from "@longshore/crds/apps";
import fc from "fast-check";
import { byAge, groupOf, hasAll, type NodeGroupObject } from "../../src/node-group/group.ts";
import { groupObject, merged, rawNode } from "./builders.ts";
import { createWorld, type World } from "./world.ts";

const NODES = ["n0", "n1", "n2", "n3"];
const GROUPS = ["g0", "g1", "g2"];
const labels = fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom("0", "1"), { maxKeys: 2 });
const spec: fc.Arbitrary<NodeGroupSpec> = fc.record(
  {
    matchLabels: labels,
    nodes: fc.subarray([...NODES, "ghost"], { maxLength: 2 }),
    topologyEnabled: fc.boolean(),
    // also what other groups select by: it must move no node
    nodeTemplate: fc.record({
      labels: fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("0", "1")),
    }),
  },
  { requiredKeys: [] },
);

type Step =
  | { readonly do: "label"; readonly node: string; readonly labels: Record<string, string | null> }
  | { readonly do: "renew" | "drop"; readonly node: string }
  | { readonly do: "group"; readonly group: string; readonly spec: NodeGroupSpec; readonly second: number }
  | { readonly do: "ungroup" | "doom"; readonly group: string }
  | { readonly do: "reconcile"; readonly node: string };

const node = fc.constantFrom(...NODES);
const name = fc.constantFrom(...GROUPS);
const value = fc.option(fc.constantFrom("0", "1"), { nil: null });
const edit = fc.record(
  { a: value, b: value, [BELONGING_TO]: fc.option(fc.constantFrom(...GROUPS, "nobody"), { nil: null }) },
  { requiredKeys: [] },
) as fc.Arbitrary<Record<string, string | null>>;
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("label" as const), node, labels: edit }),
  fc.record({ do: fc.constantFrom("renew" as const, "drop" as const), node }),
  fc.record({ do: fc.constant("group" as const), group: name, spec, second: fc.nat(2) }),
  fc.record({ do: fc.constantFrom("ungroup" as const, "doom" as const), group: name }),
  fc.record({ do: fc.constant("reconcile" as const), node }),
);

interface Play {
  readonly world: World;
  readonly objects: Map<string, NodeGroupObject>;
}

function play({ world, objects }: Play, now: Step): void {
  switch (now.do) {
    case "label": {
      const raw = world.raw(now.node);
      if (raw === undefined) return;
      world.setNode({
        ...raw,
        metadata: { ...raw.metadata, labels: merged(raw.metadata.labels, now.labels) },
      });
      return;
    }
    case "renew":
      world.setNode(rawNode(now.node));
      return;
    case "drop":
      world.dropNode(now.node);
      return;
    case "reconcile":
      world.reconcile(now.node);
      return;
    default:
      playGroup({ world, objects }, now);
  }
}

function playGroup({ world, objects }: Play, now: Extract<Step, { group: string }>): void {
  const old = objects.get(now.group);
  if (now.do === "ungroup") {
    objects.delete(now.group);
    world.dropGroup(now.group);
    return;
  }
  if (now.do === "doom" && old === undefined) return;
  const meta = { ...old?.metadata };
  const object =
    now.do === "group"
      ? groupObject(now.group, now.spec, {
          creationTimestamp: `2026-01-01T00:00:0${String(now.second)}Z`,
          ...meta,
        })
      : groupObject(now.group, old?.spec ?? {}, { ...meta, deletionTimestamp: "2026-01-02T00:00:00Z" });
  objects.set(now.group, object);
  world.setGroup(object);
}

/** Until nobody writes any more. */
function settle(world: World, order: readonly string[]): void {
  for (let round = 0; round < 5; round += 1)
    if (!order.map((one) => world.reconcile(one)).includes(true)) return;
  throw new Error("nodes go on changing");
}

const membership = (world: World): Record<string, string | undefined> =>
  Object.fromEntries(NODES.map((one) => [one, world.raw(one)?.metadata.labels?.[BELONGING_TO]]));

/** Which groups want a node, without any index. */
function wanting({ world, objects }: Play, one: string): readonly string[] {
  const found = world.nodes.get(one);
  if (found === undefined) return [];
  const open = [...objects.values()].map(groupOf).filter(({ isOpen }) => isOpen);
  const fits = open.filter(
    ({ matchLabels, nodes }) =>
      nodes.includes(one) || (matchLabels !== undefined && hasAll(found.ownLabels, matchLabels)),
  );
  return fits.sort(byAge).map((group) => group.name);
}

describe("membership", () => {
  it("comes to the same in whatever order nodes are looked at, in one of the groups that want the node", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.shuffledSubarray(NODES, { minLength: 4 }),
        (steps, order) => {
          const [a, b] = [0, 1].map((): Play => ({ world: createWorld(), objects: new Map() })) as [
            Play,
            Play,
          ];
          for (const each of [a, b]) {
            for (const one of NODES) each.world.setNode(rawNode(one));
            for (const now of steps) play(each, now);
          }
          const before = membership(a.world);
          settle(a.world, NODES);
          settle(b.world, order);
          expect(membership(a.world)).toEqual(membership(b.world));
          for (const [one, group] of Object.entries(membership(a.world))) {
            const wanted = wanting(a, one);
            if (wanted.length === 0) expect(group).toBeUndefined();
            else expect(wanted).toContain(group);
            const stays = before[one];
            if (stays !== undefined && wanted.includes(stays)) expect(group).toBe(stays);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("of nodes that were in no group does not depend on the order in which groups and nodes came", () => {
    const groups = fc.tuple(...GROUPS.map(() => fc.tuple(spec, fc.nat(2))));
    const nodes = fc.tuple(...NODES.map(() => labels));
    const orders = fc.tuple(fc.shuffledSubarray([...NODES, ...GROUPS], { minLength: 7 }), fc.constant(null));
    fc.assert(
      fc.property(groups, nodes, orders, (specs, all, [order]) => {
        const come = (names: readonly string[]): Play => {
          const each: Play = { world: createWorld(), objects: new Map() };
          for (const one of names) {
            const [g, n] = [GROUPS.indexOf(one), NODES.indexOf(one)];
            const [wanted, second] = specs[g] ?? [{}, 0];
            if (g >= 0) play(each, { do: "group", group: one, spec: wanted, second });
            else each.world.setNode(rawNode(one, { labels: all[n] ?? {} }));
          }
          return each;
        };
        const [a, b] = [come([...NODES, ...GROUPS]), come(order)];
        const first = Object.fromEntries(NODES.map((one) => [one, wanting(a, one)[0]]));
        settle(a.world, NODES);
        settle(b.world, NODES);
        expect(membership(a.world)).toEqual(first);
        expect(membership(b.world)).toEqual(first);
      }),
      { numRuns: 300 },
    );
  });

  it("finds by its indexes what it would find by looking at everything", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const each: Play = { world: createWorld(), objects: new Map() };
        for (const one of NODES) each.world.setNode(rawNode(one));
        for (const now of steps) play(each, now);
        for (const one of NODES) {
          const found = each.world.nodes.get(one);
          const names =
            found === undefined
              ? []
              : each.world.groups
                  .wanting(found)
                  .toSorted(byAge)
                  .map((g) => g.name);
          expect(names).toEqual(wanting(each, one));
        }
        for (const object of each.objects.values()) {
          const wanted = each.world.nodes.wantedBy(groupOf(object)).map(({ metadata }) => metadata.name);
          const open = { ...object, metadata: { ...object.metadata, deletionTimestamp: undefined } };
          const alone: Play = { ...each, objects: new Map([[object.metadata.name, open as never]]) };
          expect(wanted.toSorted()).toEqual(NODES.filter((one) => wanting(alone, one).length > 0));
        }
      }),
      { numRuns: 300 },
    );
  });
});
