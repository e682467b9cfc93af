// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { createEndpointRule } from "../../src/rule-endpoint/validate.ts";
import { Known, requestFor, restToBus } from "../rule/rules.ts";

describe("the rule of RuleEndpoints", () => {
  let known: Known;
  beforeEach(() => {
    known = new Known();
  });
  const judge = (spec: object, more: object = {}) =>
    createEndpointRule({ rules: known })(requestFor("RuleEndpoint", spec, more));
  const port = (service_port: string) => ({ ruleEndpointType: "servicebus", properties: { service_port } });

  it.each([{ ruleEndpointType: "rest" }, { ruleEndpointType: "eventbus" }, port("9000")])(
    "A40 admits %j",
    async (spec) => {
      expect(await judge(spec)).toEqual({ allowed: true });
    },
  );

  it.each([{ ruleEndpointType: "servicebus" }, port("0"), port("65536"), port("http")])(
    "A40 refuses %j",
    async (spec) => {
      const verdict = await judge(spec);
      expect(verdict).toMatchObject({ allowed: false, code: 422 });
      expect(verdict.message).toContain("spec.properties.service_port");
    },
  );

  it("lets one in use be deleted, as KubeEdge does, and names the Rules", async () => {
    const deletion = { operation: "DELETE", object: undefined, oldObject: {}, name: "rest-test" };
    expect(await judge({}, deletion)).toEqual({ allowed: true });
    known.existing = Array.from({ length: 7 }, (_, index) => ({ name: `r${index}`, spec: restToBus }));
    expect(await judge({}, deletion)).toEqual({
      allowed: true,
      warnings: ["rules of this endpoint work no more: r0, r1, r2, r3, r4 and 2 more"],
    });
    known.isReadable = false;
    expect(await judge({}, deletion)).toEqual({ allowed: true });
  });

  it("lets one in use be given another type, and names the Rules", async () => {
    known.existing = [{ name: "first", spec: restToBus }];
    const oldObject = { spec: { ruleEndpointType: "rest" } };
    const change = (spec: object) => judge(spec, { operation: "UPDATE", oldObject, name: "rest-test" });
    expect(await change({ ruleEndpointType: "eventbus" })).toEqual({
      allowed: true,
      warnings: ["rules of this endpoint may fit its type no more: first"],
    });
    expect(await change({ ruleEndpointType: "rest", properties: { a: "b" } })).toEqual({ allowed: true });
  });
});
