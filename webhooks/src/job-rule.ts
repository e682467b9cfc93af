// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "@longshore/crds/devices";
import { ATTEMPT_ANNOTATION, attemptOf } from "@longshore/crds/tasks";
import type { ReviewRequest, Verdict } from "./review.ts";
import { createSpecRule, type SpecRule } from "./spec-rule.ts";
import { verdictOf } from "./verdict.ts";

const MAX_ATTEMPT = 1_000;

/** Judges the spec of a job, and the annotation that asks for another attempt: that one also when it alone changes. */
export function createJobRule<S extends object>(
  rule: SpecRule<S>,
  isStrict: boolean,
): (request: ReviewRequest) => Verdict {
  const decide = createSpecRule(rule, isStrict);
  return (request) => {
    const faults = attemptFaults(request);
    return faults.length > 0 ? verdictOf({ faults, warnings: [] }) : decide(request);
  };
}

interface Annotated {
  readonly metadata?: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
}

/** A number that controllers read as another one, or that has no effect, would be a retry that never comes. */
function attemptFaults({ operation, object, oldObject }: ReviewRequest): RuleViolation[] {
  if (operation === "DELETE" || metadataOf(object).deletionTimestamp !== undefined) return [];
  const { annotations: before } = metadataOf(oldObject);
  const { annotations } = metadataOf(object);
  const text = annotations?.[ATTEMPT_ANNOTATION];
  if (text === before?.[ATTEMPT_ANNOTATION]) return []; // as it was stored under older rules
  if (text !== undefined && !isAttempt(text)) return [fault(`give a number from 1 to ${MAX_ATTEMPT}`)];
  const was = attemptOf(before);
  return attemptOf(annotations) < was ? [fault(`cannot be lowered from ${was}`)] : [];
}

const metadataOf = (object: unknown): NonNullable<Annotated["metadata"]> =>
  (object as Annotated | undefined)?.metadata ?? {};

const fault = (message: string): RuleViolation => ({
  field: `metadata.annotations[${ATTEMPT_ANNOTATION}]`,
  message,
});

const isAttempt = (text: string): boolean => /^[1-9]\d{0,3}$/.test(text) && Number(text) <= MAX_ATTEMPT;
