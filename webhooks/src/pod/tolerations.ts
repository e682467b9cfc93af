// SPDX-License-Identifier: Apache-2.0

/** The taint that the control plane gives a Node that it no longer hears of. */
export const UNREACHABLE = "node.kubernetes.io/unreachable";

/** A toleration of a pod, as far as it is read. */
export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly effect?: string;
}

/** For ever, whatever the effect. */
const FOR_EVER = { key: UNREACHABLE, operator: "Exists" } as const;

/**
 * The tolerations of a pod that stays on a node that cannot be reached: all of its own but those for that taint, and
 * one for ever. Undefined when it has just these.
 */
export function autonomousTolerations(own: readonly Toleration[]): readonly Toleration[] | undefined {
  const ofTaint = own.filter(({ key }) => key === UNREACHABLE);
  if (ofTaint.length === 1 && ofTaint.every(isForEver)) return undefined;
  return [...own.filter(({ key }) => key !== UNREACHABLE), FOR_EVER];
}

const isForEver = (toleration: Toleration): boolean =>
  Object.keys(toleration).length === 2 && toleration.operator === FOR_EVER.operator;
