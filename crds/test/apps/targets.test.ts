// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  DEFAULT_RENDER_LIMITS,
  matchesSelector,
  targetsOf,
  type EdgeApplicationSpec,
  type LabelSelector,
} from "../../src/apps/v1alpha1/index.ts";
import { frozen } from "./build.ts";

type Scope = EdgeApplicationSpec["workloadScope"];

const groups = frozen([
  { name: "munich", labels: { tier: "gold", country: "de" } },
  { name: "aachen", labels: { tier: "silver", country: "de" } },
  { name: "paris", labels: { tier: "gold", country: "fr" } },
]);

const of = (scope: Scope, maxTargets = 2000) => {
  const { targets, faults } = targetsOf(frozen(scope), groups, { ...DEFAULT_RENDER_LIMITS, maxTargets });
  return {
    names: targets.map(({ name }) => name),
    replicas: targets.map(({ overriders }) => overriders.replicas),
    faults: faults.map(({ message }) => message),
  };
};

const gold: LabelSelector = { matchLabels: { tier: "gold" } };
const german: LabelSelector = { matchExpressions: [{ key: "country", operator: "In", values: ["de"] }] };

describe("targetsOf", () => {
  it("takes named groups as the spec has them, also those that do not exist", () => {
    expect(of({ targetNodeGroups: [{ name: "z" }, { name: "aachen" }] }).names).toEqual(["z", "aachen"]);
  });

  it("takes groups by their labels, sorted by name", () => {
    expect(of({ targetNodeGroupSelectors: [{ labelSelector: gold }] }).names).toEqual(["munich", "paris"]);
  });

  it("lets a group's own name win over selectors, and the first selector over others", () => {
    const scope = {
      targetNodeGroups: [{ name: "paris", overriders: { replicas: 1 } }],
      targetNodeGroupSelectors: [
        { labelSelector: gold, overriders: { replicas: 2 } },
        { labelSelector: german, overriders: { replicas: 3 } },
      ],
    };
    expect(of(scope)).toEqual({ names: ["paris", "aachen", "munich"], replicas: [1, 3, 2], faults: [] });
  });

  it.each<{ what: string; scope: Scope; names: string[]; fault: string }>([
    {
      what: "a group named twice",
      scope: { targetNodeGroups: [{ name: "a", overriders: { replicas: 1 } }, { name: "a" }] },
      names: ["a"],
      fault: "workloadScope.targetNodeGroups[1].name: is the same place as an earlier one (a)",
    },
    {
      what: "the same labels in another order",
      scope: {
        targetNodeLabels: [
          { labelSelector: { matchLabels: { a: "1", b: "2" } } },
          { labelSelector: { matchLabels: { b: "2", a: "1" } } },
        ],
      },
      names: ["ls-85337816"],
      fault: "workloadScope.targetNodeLabels[1].labelSelector: is the same place",
    },
    {
      what: "an empty selector of nodes",
      scope: { targetNodeLabels: [{ labelSelector: {} }] },
      names: [],
      fault: "workloadScope.targetNodeLabels[0].labelSelector: is empty",
    },
    {
      what: "no selector of groups",
      scope: { targetNodeGroupSelectors: [{}, { labelSelector: gold }] },
      names: ["munich", "paris"],
      fault: "workloadScope.targetNodeGroupSelectors[0].labelSelector: is empty",
    },
    {
      what: "an unknown operator",
      scope: {
        targetNodeLabels: [
          { labelSelector: { matchExpressions: [{ key: "a", operator: "Gt", values: ["1"] }] } },
        ],
      },
      names: [],
      fault: 'has the operator "Gt" for a; use In, NotIn, Exists or DoesNotExist',
    },
    {
      what: "In without values",
      scope: { targetNodeLabels: [{ labelSelector: { matchExpressions: [{ key: "a", operator: "In" }] } }] },
      names: [],
      fault: "has the operator In for a, which needs values",
    },
    {
      what: "Exists with values",
      scope: {
        targetNodeLabels: [
          { labelSelector: { matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] } },
        ],
      },
      names: [],
      fault: "has the operator Exists for a, which takes no values",
    },
    {
      what: "a name in capitals",
      scope: { targetNodeGroups: [{ name: "Berlin" }] },
      names: [],
      fault: 'is "Berlin"',
    },
    {
      what: "a name beyond a label's value",
      scope: { targetNodeGroups: [{ name: "a".repeat(64) }] },
      names: [],
      fault: "use at most 63",
    },
    {
      what: "an empty name",
      scope: { targetNodeGroups: [{ name: "" }] },
      names: [],
      fault: "is empty; name a NodeGroup",
    },
  ])("makes a fault of $what, and nothing of the rest", ({ scope, names, fault }) => {
    const found = of({ ...scope, targetNodeGroups: [...(scope.targetNodeGroups ?? []), { name: "last" }] });
    expect(found.faults).toEqual([expect.stringContaining(fault)]);
    expect(new Set(found.names)).toEqual(new Set([...names, "last"]));
  });

  it("stops at the limit of targets", () => {
    const found = of({ targetNodeGroups: [{ name: "a" }, { name: "b" }, { name: "c" }] }, 2);
    expect(found.names).toEqual(["a", "b"]);
    expect(found.faults).toEqual([expect.stringContaining("beyond the 2 targets")]);
  });

  it("never gives two targets the same name, nor another for another order of labels", () => {
    const key = fc.constantFrom("a", "b", "c");
    const selector = fc.dictionary(key, fc.constantFrom("1", "2"), { minKeys: 1 });
    const scope = fc.record({
      targetNodeGroups: fc.array(fc.record({ name: fc.constantFrom("a", "b", "munich", "ls-85337816") })),
      targetNodeLabels: fc.array(selector.map((matchLabels) => ({ labelSelector: { matchLabels } }))),
      targetNodeGroupSelectors: fc.array(fc.constantFrom({ labelSelector: gold }, { labelSelector: german })),
    });
    fc.assert(
      fc.property(scope, (one) => {
        const { names } = of(one);
        expect(new Set(names).size).toBe(names.length);
        const reversed = one.targetNodeLabels.map(({ labelSelector: { matchLabels } }) => ({
          labelSelector: { matchLabels: Object.fromEntries(Object.entries(matchLabels).reverse()) },
        }));
        expect(of({ ...one, targetNodeLabels: reversed }).names).toEqual(names);
      }),
    );
  });
});

describe("matchesSelector", () => {
  const labels = { gpu: "true", zone: "a" };
  it.each<[LabelSelector | undefined, boolean]>([
    [undefined, false],
    [{}, true],
    [{ matchLabels: { gpu: "true" } }, true],
    [{ matchLabels: { gpu: "false" } }, false],
    [{ matchLabels: { gpu: "true", none: "" } }, false],
    [{ matchExpressions: [{ key: "zone", operator: "In", values: ["a", "b"] }] }, true],
    [{ matchExpressions: [{ key: "zone", operator: "In", values: ["b"] }] }, false],
    [{ matchExpressions: [{ key: "zone", operator: "NotIn", values: ["a"] }] }, false],
    [{ matchExpressions: [{ key: "none", operator: "NotIn", values: ["a"] }] }, true],
    [{ matchExpressions: [{ key: "zone", operator: "Exists" }] }, true],
    [{ matchExpressions: [{ key: "toString", operator: "Exists" }] }, false],
    [{ matchExpressions: [{ key: "zone", operator: "DoesNotExist" }] }, false],
    [{ matchExpressions: [{ key: "none", operator: "DoesNotExist" }] }, true],
    [{ matchExpressions: [{ key: "zone", operator: "Gt", values: ["0"] }] }, false],
    [{ matchLabels: { gpu: "true" }, matchExpressions: [{ key: "none", operator: "Exists" }] }, false],
  ])("finds for %j: %s", (selector, want) => {
    expect(matchesSelector(selector, labels)).toBe(want);
  });

  it("finds nothing in a node without labels", () => {
    expect(matchesSelector({ matchLabels: { a: "b" } }, undefined)).toBe(false);
  });
});
