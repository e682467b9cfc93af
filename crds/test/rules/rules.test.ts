// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  endpointFaults,
  isSameSource,
  pathFault,
  ruleFaults,
  ruleHazards,
  segmentsOf,
  servicePortOf,
  type EndpointType,
  type RuleSpec,
} from "../../src/rules/v1/index.ts";

const SOURCES = {
  rest: { path: "/ccc" },
  eventbus: { topic: "test", node_name: "edge-node" },
  servicebus: { target_url: "http://127.0.0.1:9000/echo", node_name: "edge-node" },
} as const;
const TARGETS = {
  rest: { resource: "http://127.0.0.1:9000/echo" },
  eventbus: { topic: "topic-test" },
  servicebus: { path: "/url" },
} as const;
const TYPES = ["rest", "eventbus", "servicebus"] as const;
const between = (source: EndpointType, target: EndpointType, change: Partial<RuleSpec> = {}): RuleSpec => ({
  ...{ source: "s", sourceResource: SOURCES[source], target: "t", targetResource: TARGETS[target] },
  ...change,
});
const fields = (violations: readonly { field: string }[]): string[] => violations.map(({ field }) => field);

describe("the path of a rest source", () => {
  it.each(["/ccc", "ccc", "/", "/a/b.c/~d_e-f/", "/devices/{name}/state", "/{a}/{b}"])(
    "B15 may be %s",
    (path) => {
      expect(pathFault(path)).toBeUndefined();
    },
  );
  it.each([
    ".*|/",
    "{a}{b}",
    "%2e%2e",
    "/a".repeat(1_000),
    "/a//b",
    "/../b",
    "/./b",
    "/a?b",
    "/a b",
    "/{a",
    "/{}",
    "x{a}",
    "/é",
    "/a\n",
  ])("B15 may not be %j", (path) => {
    expect(pathFault(path)).toEqual(expect.any(String));
  });
  it("S17 has only literals and whole parameters as segments, once admitted", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[/a.*{}|%]{0,30}$/));
    fc.assert(
      fc.property(text, (path) => {
        if (pathFault(path) !== undefined) return;
        for (const segment of segmentsOf(path))
          expect(segment).toMatch(/^(?!\.{1,2}$)([\w.~-]+|\{[\w-]+\})$/);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a Rule", () => {
  const pairs = TYPES.flatMap((source) => TYPES.map((target) => ({ source, target })));
  const good = new Set(["rest eventbus", "rest servicebus", "eventbus rest", "servicebus rest"]);
  it.each(pairs)("A40 from $source to $target", ({ source, target }) => {
    const isGood = good.has(`${source} ${target}`);
    expect(fields(ruleFaults(between(source, target), { source, target }))).toEqual(
      isGood ? [] : ["spec.target"],
    );
  });

  it.each([
    { source: "rest", target: "eventbus", missing: ["sourceResource.path", "targetResource.topic"] },
    {
      source: "eventbus",
      target: "rest",
      missing: ["sourceResource.topic", "sourceResource.node_name", "targetResource.resource"],
    },
    { source: "rest", target: "servicebus", missing: ["sourceResource.path", "targetResource.path"] },
    {
      source: "servicebus",
      target: "rest",
      missing: ["sourceResource.target_url", "sourceResource.node_name", "targetResource.resource"],
    },
  ] as const)("A40 from $source to $target needs $missing", ({ source, target, missing }) => {
    const spec = between(source, target, { sourceResource: {}, targetResource: {} });
    expect(fields(ruleFaults(spec, { source, target }))).toEqual(missing.map((key) => `spec.${key}`));
  });

  it("says nothing of an end that is not known", () => {
    const spec = between("rest", "rest", { sourceResource: {}, targetResource: {} });
    expect(ruleFaults(spec, { source: undefined, target: undefined })).toEqual([]);
  });

  it.each(["#", "+/x", "$SYS/x"])("B10 is warned of when it publishes to %s", (topic) => {
    const spec = between("rest", "eventbus", { targetResource: { topic } });
    expect(fields(ruleHazards(spec, { source: "rest", target: "eventbus" }))).toEqual([
      "spec.targetResource.topic",
    ]);
  });

  it.each([
    { source: "rest", one: { path: "/a" }, other: { path: "a/" }, same: true },
    { source: "rest", one: { path: "/a" }, other: { path: "/b" }, same: false },
    { source: "rest", one: { path: "/" }, other: { topic: "t" }, same: false },
    { source: "eventbus", one: SOURCES.eventbus, other: { ...SOURCES.eventbus }, same: true },
    {
      source: "eventbus",
      one: SOURCES.eventbus,
      other: { ...SOURCES.eventbus, node_name: "n2" },
      same: false,
    },
  ] as const)(
    "B17 takes $one and $other of a $source for the same: $same",
    ({ source, one, other, same }) => {
      const spec = (sourceResource: Record<string, string>) => between(source, "rest", { sourceResource });
      expect(isSameSource(spec(one), spec(other), source)).toBe(same);
    },
  );
});

describe("a RuleEndpoint", () => {
  it.each([
    ["1", 1],
    ["9000", 9000],
    ["+080", 80],
    ["65535", 65_535],
    ["65536", undefined],
    ["0", undefined],
    ["-1", undefined],
    ["1e3", undefined],
    ["", undefined],
  ])("A40 of a servicebus with port %j has the port %j", (text, port) => {
    const properties = { service_port: text };
    expect(servicePortOf({ properties })).toBe(port);
    expect(endpointFaults({ ruleEndpointType: "servicebus", properties })).toHaveLength(
      port === undefined ? 1 : 0,
    );
  });
  it("of another type needs no port", () => {
    expect(endpointFaults({ ruleEndpointType: "rest" })).toEqual([]);
    expect(endpointFaults({ ruleEndpointType: "servicebus" })).toHaveLength(1);
  });
});
