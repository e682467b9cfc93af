// SPDX-License-Identifier: Apache-2.0
import { endpointFaults, type RuleEndpointSpec } from "@longshore/crds/rules";
import type { ReviewRequest, Verdict } from "../review.ts";
import type { RuleLookups } from "../rule/lookups.ts";
import { isJudged, verdictOf } from "../verdict.ts";

export interface EndpointRuleDeps {
  readonly rules: RuleLookups;
}

/** Names told in a warning. */
const MAX_NAMES = 5;

/**
 * Judges a RuleEndpoint as KubeEdge's webhook does. One in use can be deleted and be given another type, as there
 * (deleted), and whoever does that is told of the Rules.
 */
export function createEndpointRule({
  rules,
}: EndpointRuleDeps): (request: ReviewRequest) => Promise<Verdict> {
  return async (request) => {
    if (request.operation === "DELETE")
      return verdictOf({ faults: [], warnings: await users(request, rules, "work no more") });
    if (!isJudged(request)) return { allowed: true };
    const { spec } = request.object as { readonly spec?: RuleEndpointSpec };
    if (spec === undefined) return { allowed: true };
    const isOther = request.operation === "UPDATE" && typeBefore(request) !== spec.ruleEndpointType;
    const warnings = isOther ? await users(request, rules, "may fit its type no more") : [];
    return verdictOf({ faults: endpointFaults(spec), warnings });
  };
}

const typeBefore = ({ oldObject }: ReviewRequest): unknown =>
  ((oldObject ?? {}) as { readonly spec?: Partial<RuleEndpointSpec> }).spec?.ruleEndpointType;

async function users(
  { namespace = "", name = "" }: ReviewRequest,
  lookups: RuleLookups,
  fate: string,
): Promise<string[]> {
  const all = await lookups.rules(namespace);
  if (all === "unknown") return [];
  const names = all
    .filter(({ spec }) => spec.source === name || spec.target === name)
    .map((rule) => rule.name);
  if (names.length === 0) return [];
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  return [`rules of this endpoint ${fate}: ${names.slice(0, MAX_NAMES).join(", ")}${more}`];
}
