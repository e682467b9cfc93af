// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { RuleSpec } from "@longshore/crds/rules";
import type { Verdict } from "../../src/review.ts";
import { createRuleRule } from "../../src/rule/validate.ts";
import { Known, requestFor, restToBus } from "./rules.ts";

describe("the rule of Rules", () => {
  let known: Known;
  beforeEach(() => {
    known = new Known();
  });
  const judge = (spec: object, more: object = {}, isStrict = false): Promise<Verdict> =>
    createRuleRule({ rules: known, isStrict })(requestFor("Rule", spec, more));

  it.each<{ pair: string; spec: RuleSpec }>([
    { pair: "rest to eventbus", spec: restToBus },
    {
      pair: "rest to servicebus",
      spec: { ...restToBus, target: "servicebus-test", targetResource: { path: "/url" } },
    },
    {
      pair: "eventbus to rest",
      spec: {
        ...{ source: "eventbus-test", sourceResource: { topic: "test", node_name: "edge-node" } },
        ...{ target: "rest-test", targetResource: { resource: "http://127.0.0.1:9000/echo" } },
      },
    },
    {
      pair: "servicebus to rest",
      spec: {
        source: "servicebus-test",
        sourceResource: { target_url: "http://127.0.0.1:9000/echo", node_name: "edge-node" },
        ...{ target: "rest-test", targetResource: { resource: "http://127.0.0.1:9000/echo" } },
      },
    },
  ])("A40 admits a Rule from $pair in both modes", async ({ spec }) => {
    expect(await judge(spec)).toEqual({ allowed: true });
    expect(await judge(spec, {}, true)).toEqual({ allowed: true });
  });

  it.each([
    {
      id: "A40",
      what: "no such source",
      change: { source: "absent" },
      says: 'spec.source: this namespace has no RuleEndpoint "absent"',
    },
    {
      id: "A40",
      what: "no such target",
      change: { target: "absent" },
      says: "spec.target: this namespace has no",
    },
    { id: "A40", what: "no path", change: { sourceResource: {} }, says: "spec.sourceResource.path: missing" },
    {
      id: "A40",
      what: "no topic",
      change: { targetResource: {} },
      says: "spec.targetResource.topic: missing",
    },
    {
      id: "A40",
      what: "no such pair",
      change: { target: "rest-test", targetResource: { resource: "x" } },
      says: "no rule leads from rest to rest",
    },
    ...[".*|/", "{a}{b}", "%2e%2e", "/a".repeat(1_000)].map((path) => ({
      ...{ id: "B15", what: `the path ${path.slice(0, 10)}`, change: { sourceResource: { path } } },
      says: "spec.sourceResource.path: ",
    })),
  ])("$id refuses $what in both modes", async ({ change, says }) => {
    for (const isStrict of [false, true]) {
      const verdict = await judge({ ...restToBus, ...change }, {}, isStrict);
      expect(verdict).toMatchObject({ allowed: false, code: 422 });
      expect(verdict.message).toContain(says);
    }
  });

  it("B17 refuses a second Rule of one path, and names the first", async () => {
    known.existing = [{ name: "first", spec: { ...restToBus, sourceResource: { path: "ccc/" } } }];
    expect(await judge(restToBus)).toMatchObject({
      allowed: false,
      message: 'spec.sourceResource: the Rule "first" takes the same',
    });
  });

  it.each([false, true])("B16 A40 admits a change that is good, strict or not: %s", async (isStrict) => {
    known.existing = [{ name: "one", spec: restToBus }];
    const spec = { ...restToBus, targetResource: { topic: "other" } };
    const more = { operation: "UPDATE", oldObject: { spec: restToBus } };
    expect(await judge(spec, more, isStrict)).toEqual({ allowed: true });
    const bad = { ...restToBus, sourceResource: { path: ".*" } };
    expect((await judge(bad, more, isStrict)).allowed).toBe(false);
  });

  it("asks for nothing when only status changes", async () => {
    const object = { spec: restToBus, status: { successMessages: 2 } };
    expect(await judge(restToBus, { operation: "UPDATE", object, oldObject: { spec: restToBus } })).toEqual({
      allowed: true,
    });
    expect(known.reads).toBe(0);
  });

  it("R30 admits with a warning what it cannot compare", async () => {
    known.isReadable = false;
    expect(await judge(restToBus, {}, true)).toEqual({
      allowed: true,
      warnings: [expect.stringContaining("could not be read")],
    });
  });

  it("B10 warns of a topic that is many, and refuses it when strict", async () => {
    const spec = { ...restToBus, targetResource: { topic: "#" } };
    expect(await judge(spec)).toMatchObject({
      allowed: true,
      warnings: [expect.stringContaining("one topic")],
    });
    expect((await judge(spec, {}, true)).allowed).toBe(false);
  });
});
