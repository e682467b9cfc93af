// SPDX-License-Identifier: Apache-2.0

/** metav1.Condition */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

/**
 * The conditions with `next` in them. lastTransitionTime moves only when the status flips.
 *
 * @param now RFC 3339, whole seconds
 */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  next: Omit<Condition, "lastTransitionTime">,
  now: string,
): readonly Condition[] {
  const current = conditions ?? [];
  const old = current.find((condition) => condition.type === next.type);
  const lastTransitionTime = old?.status === next.status ? old.lastTransitionTime : now;
  const made = { ...next, lastTransitionTime };
  return old === undefined
    ? [...current, made]
    : current.map((condition) => (condition === old ? made : condition));
}
