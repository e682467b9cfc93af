// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import { type PodCondition, type PodStatus, sortedJson } from "../model/index.ts";
import { NODE_CONDITIONS } from "./conditions.ts";

type Fields = Record<string, unknown>;

/** Fields of the status that the node owns and that are replaced whole. */
const REPLACED = [
  "phase",
  "reason",
  "message",
  "hostIP",
  "podIP",
  "startTime",
  "qosClass",
  "containerStatuses",
  "initContainerStatuses",
  "ephemeralContainerStatuses",
] as const;
const owned = (status: Partial<PodStatus> | undefined): readonly PodCondition[] =>
  (status?.conditions ?? []).filter((c) => (NODE_CONDITIONS as readonly string[]).includes(c.type));

function conditionDiff(before: PodCondition | undefined, after: PodCondition): Fields {
  if (!before) return { ...after };
  const changes: Fields = { type: after.type };
  const keys = new Set([...Object.keys(before), ...Object.keys(after)] as (keyof PodCondition)[]);
  for (const key of keys) {
    const isSame = (before[key] ?? null) === (after[key] ?? null);
    if (!isSame && key !== "type") changes[key] = after[key] ?? null;
  }
  return changes;
}

/** Conditions merge by type: only what differs travels, in the given order. */
function conditionPatch(base: Partial<PodStatus> | undefined, next: PodStatus): Fields {
  const before = new Map(owned(base).map((c) => [c.type, c]));
  const diffs = owned(next).map((c) => conditionDiff(before.get(c.type), c));
  const changed = diffs.filter((d) => Object.keys(d).length > 1);
  if (changed.length === 0) return {};
  if (before.size === 0) return { conditions: changed };
  return { conditions: changed, "$setElementOrder/conditions": owned(next).map(({ type }) => ({ type })) };
}

/** Addresses merge by ip, so one that is no longer true has to be deleted by name. */
function addressPatch(
  key: "podIPs" | "hostIPs",
  base: Partial<PodStatus> | undefined,
  next: PodStatus,
): Fields {
  const before = base?.[key] ?? [];
  const after = next[key] ?? [];
  if (isDeepStrictEqual(before, after)) return {};
  const gone = before.filter(({ ip }) => !after.some((a) => a.ip === ip));
  const list = [...after, ...gone.map(({ ip }) => ({ $patch: "delete", ip }))];
  return { [key]: list, ...(before.length > 0 && { [`$setElementOrder/${key}`]: after }) };
}

function plainPatch(base: Partial<PodStatus> | undefined, next: PodStatus): Fields {
  const changes: Fields = {};
  for (const key of REPLACED) {
    if (!isDeepStrictEqual(base?.[key], next[key])) changes[key] = next[key] ?? null;
  }
  return changes;
}

/**
 * Strategic merge patch from what the API holds to what is true, as a string: what KubeEdge's `podpatch`
 * carries. Without a base the whole status travels, and reasons that do not hold are cleared.
 *
 * @returns undefined when nothing differs
 */
export function statusPatch(
  uid: string,
  base: Partial<PodStatus> | undefined,
  next: PodStatus,
): string | undefined {
  const status = {
    ...plainPatch(base, next),
    ...conditionPatch(base, next),
    ...addressPatch("podIPs", base, next),
    ...addressPatch("hostIPs", base, next),
  };
  if (base && Object.keys(status).length === 0) return undefined;
  return sortedJson({ metadata: { uid }, status: base ? status : cleared(status) });
}

function cleared(status: Fields): Fields {
  const conditions = (status["conditions"] as readonly Fields[] | undefined) ?? [];
  return { ...status, conditions: conditions.map((c) => ({ reason: null, message: null, ...c })) };
}
