// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "@longshore/crds/devices";
import { isSameSource, ruleFaults, ruleHazards, type Ends, type RuleSpec } from "@longshore/crds/rules";
import type { ReviewRequest, Verdict } from "../review.ts";
import { judged } from "../spec-rule.ts";
import { isJudged } from "../verdict.ts";
import type { RuleLookups } from "./lookups.ts";

export interface RuleRuleDeps {
  readonly rules: RuleLookups;
  /** Whether hazards are refused. */
  readonly isStrict: boolean;
}

type Found = Awaited<ReturnType<RuleLookups["endpoint"]>>;

/**
 * Judges a Rule as KubeEdge's webhook does: both ends are there, the keys of each, the pair, and that no other Rule
 * takes the same messages. A changed Rule is judged the same; KubeEdge refuses every change.
 */
export function createRuleRule(deps: RuleRuleDeps): (request: ReviewRequest) => Promise<Verdict> {
  return async (request) => {
    if (!isJudged(request)) return { allowed: true };
    const { spec = {} } = request.object as { readonly spec?: Partial<RuleSpec> };
    return isWhole(spec) ? await judge(request, spec, deps) : NOT_WHOLE;
  };
}

/** The CRD requires all four. */
const isWhole = (spec: Partial<RuleSpec>): spec is RuleSpec =>
  [spec.source, spec.sourceResource, spec.target, spec.targetResource].every((field) => field !== undefined);

const NOT_WHOLE: Verdict = {
  allowed: false,
  code: 422,
  message: "spec: source, sourceResource, target and targetResource are required",
};

async function judge(request: ReviewRequest, spec: RuleSpec, deps: RuleRuleDeps): Promise<Verdict> {
  const { namespace = "", name = "" } = request;
  const [source, target] = await Promise.all([
    deps.rules.endpoint(namespace, spec.source),
    deps.rules.endpoint(namespace, spec.target),
  ]);
  const ends: Ends = { source: typeOf(source), target: typeOf(target) };
  const faults = [
    ...absent("spec.source", spec.source, source),
    ...absent("spec.target", spec.target, target),
    ...ruleFaults(spec, ends),
  ];
  const rival =
    faults.length > 0 ? "none" : await findRival(spec, ends.source, { namespace, name }, deps.rules);
  if (rival !== "none" && rival !== "unknown") faults.push(rival);
  const isUnknown = source === "unknown" || target === "unknown" || rival === "unknown";
  return judged(faults, ruleHazards(spec, ends), deps.isStrict, isUnknown ? [UNREAD] : []);
}

const UNREAD =
  "spec: endpoints or rules of this namespace could not be read, so this one was not compared with them";

const typeOf = (found: Found): Ends["source"] =>
  typeof found === "object" ? found.ruleEndpointType : undefined;

const absent = (field: string, name: string, found: Found): RuleViolation[] =>
  found === "missing"
    ? [{ field, message: `this namespace has no RuleEndpoint ${JSON.stringify(name.slice(0, 253))}` }]
    : [];

/** Another Rule of the namespace that takes the same messages. */
async function findRival(
  spec: RuleSpec,
  source: Ends["source"],
  own: { readonly namespace: string; readonly name: string },
  lookups: RuleLookups,
): Promise<RuleViolation | "none" | "unknown"> {
  if (source === undefined) return "none";
  const all = await lookups.rules(own.namespace);
  if (all === "unknown") return "unknown";
  const rival = all.find((rule) => rule.name !== own.name && isSameSource(rule.spec, spec, source));
  return rival === undefined
    ? "none"
    : { field: "spec.sourceResource", message: `the Rule ${JSON.stringify(rival.name)} takes the same` };
}
