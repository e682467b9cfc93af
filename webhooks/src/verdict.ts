// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "@longshore/crds/devices";
import { isDeepStrictEqual } from "node:util";
import type { ReviewRequest, Verdict } from "./review.ts";

/** What rules say of an object: faults refuse it, warnings are shown to whoever wrote it. */
export interface Judgement {
  readonly faults: readonly RuleViolation[];
  readonly warnings: readonly string[];
}

/** Sentences of one answer; the API server cuts what is longer than 4,096 characters in all. */
const MAX_SENTENCES = 10;
const INVALID = 422;

export function verdictOf({ faults, warnings }: Judgement): Verdict {
  const shown = capped(warnings);
  if (faults.length === 0) return { allowed: true, ...(shown.length > 0 && { warnings: shown }) };
  const message = capped(faults.map(sentence)).join("; ");
  return { allowed: false, code: codeOf(faults), message, ...(shown.length > 0 && { warnings: shown }) };
}

/** The status that all faults share; 422 when they differ. */
function codeOf(faults: readonly RuleViolation[]): number {
  const [code, ...others] = new Set(faults.map((fault) => fault.code ?? INVALID));
  return code === undefined || others.length > 0 ? INVALID : code;
}

/** `spec.properties[1].name: property names must be unique.` */
export const sentence = ({ field, message }: RuleViolation): string => `${field}: ${message}`;

const capped = (sentences: readonly string[]): string[] =>
  sentences.length <= MAX_SENTENCES
    ? [...sentences]
    : [...sentences.slice(0, MAX_SENTENCES), `and ${sentences.length - MAX_SENTENCES} more`];

interface Subject {
  readonly metadata?: { readonly deletionTimestamp?: unknown };
  readonly spec?: unknown;
}

/**
 * Whether a request is to be judged at all: not a deletion, nor an update that leaves the spec as it is. What was
 * stored by older rules can so still be labelled, reported on and deleted.
 */
export function isJudged({ operation, object, oldObject }: ReviewRequest): boolean {
  if (operation !== "CREATE" && operation !== "UPDATE") return false;
  const { metadata, spec } = object as Subject;
  if (typeof metadata?.deletionTimestamp === "string") return false;
  return operation === "CREATE" || !isDeepStrictEqual(spec, (oldObject as Subject | undefined)?.spec);
}
