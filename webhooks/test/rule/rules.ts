// SPDX-License-Identifier: Apache-2.0
import type { RuleEndpointSpec, RuleSpec } from "@longshore/crds/rules";
import type { ReviewRequest } from "../../src/review.ts";
import type { NamedRule, RuleLookups } from "../../src/rule/lookups.ts";

/** Endpoints and rules of one namespace, and whether they can be read. */
export class Known implements RuleLookups {
  endpoints: Readonly<Record<string, RuleEndpointSpec>> = {
    "rest-test": { ruleEndpointType: "rest" },
    "eventbus-test": { ruleEndpointType: "eventbus" },
    "servicebus-test": { ruleEndpointType: "servicebus", properties: { service_port: "9000" } },
  };
  existing: readonly NamedRule[] = [];
  isReadable = true;
  reads = 0;

  endpoint(_namespace: string, name: string): ReturnType<RuleLookups["endpoint"]> {
    this.reads++;
    const found = Object.hasOwn(this.endpoints, name) ? this.endpoints[name] : undefined;
    return Promise.resolve(this.isReadable ? (found ?? "missing") : "unknown");
  }
  rules(): ReturnType<RuleLookups["rules"]> {
    this.reads++;
    return Promise.resolve(this.isReadable ? this.existing : "unknown");
  }
}

export const requestFor = (
  kind: "Rule" | "RuleEndpoint",
  spec: object,
  more: Partial<ReviewRequest> = {},
): ReviewRequest => ({
  uid: "1",
  operation: "CREATE",
  kind: { group: "rules.kubeedge.io", version: "v1", kind },
  namespace: "default",
  name: "one",
  object: { metadata: { name: "one" }, spec },
  ...more,
});

export const restToBus: RuleSpec = {
  ...{ source: "rest-test", sourceResource: { path: "/ccc" } },
  ...{ target: "eventbus-test", targetResource: { topic: "topic-test" } },
};
