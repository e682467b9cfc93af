// SPDX-License-Identifier: Apache-2.0
import { fieldsAt, own, type Fields } from "./json.ts";

/** Which field says how pods are replaced, and the type with which pods are not replaced step by step. */
const STRATEGIES: ReadonlyMap<string, { readonly key: string; readonly otherType: string }> = new Map([
  ["DaemonSet", { key: "updateStrategy", otherType: "OnDelete" }],
  ["Deployment", { key: "strategy", otherType: "Recreate" }],
]);

/**
 * Lets at most so many pods be down while they are replaced, and starts none before one is gone. Kinds whose
 * pods are replaced otherwise, and authors who chose otherwise, keep theirs.
 */
export function limitUnavailable(object: Fields, kind: string, maxUnavailable: number | undefined): void {
  const strategy = STRATEGIES.get(kind);
  const spec = fieldsAt(object, ["spec"]);
  if (strategy === undefined || spec === undefined || maxUnavailable === undefined) return;
  if (own(fieldsAt(spec, [strategy.key]) ?? {}, "type") === strategy.otherType) return;
  const most = Math.max(1, Math.trunc(maxUnavailable));
  spec[strategy.key] = { type: "RollingUpdate", rollingUpdate: { maxUnavailable: most, maxSurge: 0 } };
}
