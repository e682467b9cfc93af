// SPDX-License-Identifier: Apache-2.0

type Labels = Readonly<Record<string, string>>;

interface Requirement {
  readonly key?: string;
  readonly operator?: string;
  readonly values?: readonly string[];
}

/** A label selector as Kubernetes reads it: an empty one selects all; what it does not understand selects nothing. */
export function selects(selector: object, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector as {
    readonly matchLabels?: Labels;
    readonly matchExpressions?: readonly Requirement[];
  };
  return (
    Object.entries(matchLabels).every(([key, value]) => valueAt(labels, key) === value) &&
    matchExpressions.every((requirement) => holds(requirement, labels))
  );
}

function holds({ key = "", operator = "", values = [] }: Requirement, labels: Labels): boolean {
  const value = valueAt(labels, key);
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return false;
  }
}

const valueAt = (labels: Labels, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;
