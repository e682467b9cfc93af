// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "@longshore/crds/devices";
import type { ReviewRequest, Verdict } from "./review.ts";
import { fieldOf, misfit } from "./shape.ts";
import { isJudged, sentence, verdictOf } from "./verdict.ts";

/** What is refused, and what KubeEdge takes and is dangerous. */
export interface SpecRule<S> {
  /** Schemas of the kind by version, with the field `spec`; another version is read by the first. */
  readonly schemas: Readonly<Record<string, object | undefined>>;
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
    const { spec: read, refusal } = specOf(request, rule.schemas);
    if (refusal) return refusal;
    const spec = read as S;
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

/** The spec of a request, or the refusal of what none can be. */
export function specOf(
  { object, kind }: ReviewRequest,
  schemas: Readonly<Record<string, object | undefined>>,
):
  { readonly spec: object; readonly refusal?: never } | { readonly spec?: never; readonly refusal: Verdict } {
  const { spec = {} } = object as { readonly spec?: unknown };
  const schema = schemas[kind.version] ?? Object.values(schemas)[0];
  const fault = misfit(fieldOf(schema, "spec"), spec, "spec");
  return fault === undefined
    ? { spec: spec as object }
    : { refusal: { allowed: false, code: 422, message: fault } };
}

const NOTHING: Change = { faults: [], hazards: [] };

function changeOf<S extends object>(
  { operation, oldObject }: ReviewRequest,
  spec: S,
  rule: SpecRule<S>,
): Change {
  if (operation !== "UPDATE" || rule.change === undefined) return NOTHING;
  const { spec: before = {} } = (oldObject ?? {}) as { readonly spec?: S | object };
  return rule.change(before as S, spec);
}
