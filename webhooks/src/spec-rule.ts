// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "@longshore/crds/devices";
import type { ReviewRequest, Verdict } from "./review.ts";
import { isJudged, sentence, verdictOf } from "./verdict.ts";

/** What is refused, and what KubeEdge takes and is dangerous. */
export interface SpecRule<S> {
  faults(spec: S): readonly RuleViolation[];
  hazards(spec: S): readonly RuleViolation[];
  /** What is judged of a changed spec beyond that; `same` when the change means nothing. */
  change?(before: S, after: S): Change;
}

export type Change =
  "same" | { readonly faults: readonly RuleViolation[]; readonly hazards: readonly RuleViolation[] };

/**
 * Judges specs by themselves alone: no look-up, so it never waits. Hazards are warned of, and refused when `isStrict`.
 */
export function createSpecRule<S extends object>(
  rule: SpecRule<S>,
  isStrict: boolean,
): (request: ReviewRequest) => Verdict {
  return (request) => {
    if (!isJudged(request)) return { allowed: true };
    const spec = specOf(request.object) as S;
    const change = changeOf(request, spec, rule);
    if (change === "same") return { allowed: true };
    const faults = [...change.faults, ...rule.faults(spec)];
    return judged(faults, [...change.hazards, ...rule.hazards(spec)], isStrict);
  };
}

/** The verdict by faults, and hazards by how strict we are. */
export function judged(
  faults: readonly RuleViolation[],
  hazards: readonly RuleViolation[],
  isStrict: boolean,
  warnings: readonly string[] = [],
): Verdict {
  if (isStrict) return verdictOf({ faults: [...faults, ...hazards], warnings });
  return verdictOf({ faults, warnings: [...warnings, ...hazards.map(sentence)] });
}

const NOTHING: Change = { faults: [], hazards: [] };

const specOf = (object: unknown): object => (object as { readonly spec?: object } | undefined)?.spec ?? {};

function changeOf<S extends object>(
  { operation, oldObject }: ReviewRequest,
  spec: S,
  rule: SpecRule<S>,
): Change {
  return operation === "UPDATE" && rule.change !== undefined
    ? rule.change(specOf(oldObject) as S, spec)
    : NOTHING;
}
