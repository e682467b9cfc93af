// SPDX-License-Identifier: Apache-2.0

export interface Refusal {
  readonly group: string;
  readonly message: string;
}

/** Nodes that could not be changed, until they can; at most one each. */
export interface Refusals {
  refused(node: string, refusal: Refusal): void;
  settled(node: string): void;
  of(node: string): Refusal | undefined;
}

/** @param changed hears of groups for whose nodes something is new */
export function createRefusals(changed: (group: string) => void): Refusals {
  const byNode = new Map<string, Refusal>();
  return {
    refused(node, refusal) {
      const old = byNode.get(node);
      byNode.set(node, refusal);
      if (old?.group !== refusal.group || old.message !== refusal.message) changed(refusal.group);
    },
    settled(node) {
      const old = byNode.get(node);
      if (byNode.delete(node) && old !== undefined) changed(old.group);
    },
    of: (node) => byNode.get(node),
  };
}
