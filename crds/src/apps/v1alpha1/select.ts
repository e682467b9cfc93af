// SPDX-License-Identifier: Apache-2.0
import type { LabelRequirement, LabelSelector } from "./types.gen.ts";

type Labels = Readonly<Record<string, string>>;

/**
 * Whether labels match a selector, as Kubernetes reads it: no selector selects nothing, an empty one everything.
 * A requirement with an unknown operator matches nothing.
 */
export function matchesSelector(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  if (selector === undefined) return false;
  const held = labels ?? {};
  const wanted = Object.entries(selector.matchLabels ?? {});
  return (
    wanted.every(([key, value]) => valueOf(held, key) === value) &&
    (selector.matchExpressions ?? []).every((requirement) => meets(held, requirement))
  );
}

function meets(labels: Labels, { key, operator, values }: LabelRequirement): boolean {
  const value = valueOf(labels, key);
  switch (operator) {
    case "In":
      return value !== undefined && (values ?? []).includes(value);
    case "NotIn":
      return value === undefined || !(values ?? []).includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return false;
  }
}

const valueOf = (labels: Labels, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;
