// SPDX-License-Identifier: Apache-2.0
import type { Target } from "@longshore/crds/apps";
import { isOlder, type TrimmedChild } from "./apply/child.ts";
import type { Memory } from "./memory.ts";
import { refKey } from "./resources.ts";
import type { NodeView, TargetView, WorkloadView } from "./rollout/index.ts";

export interface ViewInput {
  readonly target: Target;
  readonly nodes: readonly NodeView[];
  /** The application's children, as the caches show them. */
  readonly children: readonly TrimmedChild[];
  readonly memory: Pick<Memory, "applied" | "wanted">;
}

/** Nothing was looked at yet: what stands there may be of any revision. */
const UNKNOWN: WorkloadView = {
  ...{ kind: "", name: "", revision: undefined, isObserved: false, desired: 1, upToDate: 0, available: 0 },
};

/**
 * A target as it stands. A workload counts as observed only when it is as we want it by now: what was not applied yet,
 * or was refused, must not look finished.
 */
export function viewOf({ target, nodes, children, memory }: ViewInput): TargetView {
  const here = children.filter((child) => child.target === target.name);
  const shown = here.flatMap((child) => workloadOf(child, memory));
  const missing = memory.wanted === undefined ? [UNKNOWN] : missingOf(target.name, here, memory);
  return { name: target.name, nodes, workloads: [...shown, ...missing] };
}

function workloadOf(child: TrimmedChild, memory: ViewInput["memory"]): readonly WorkloadView[] {
  const { facts, ref, version, revision } = child;
  if (facts === undefined) return [];
  const { desired, upToDate, available, misplaced, countsAway } = facts;
  const isObserved = facts.isObserved && isAsWanted(child, memory);
  return [
    {
      ...{ kind: ref.kind, name: ref.name, revision, isObserved, desired, upToDate, available },
      ...(version !== undefined && { version }),
      ...(misplaced !== undefined && { misplaced }),
      ...(countsAway !== undefined && { countsAway }),
    },
  ];
}

function isAsWanted({ ref, metadata }: TrimmedChild, { applied, wanted }: ViewInput["memory"]): boolean {
  const key = refKey(ref);
  const last = applied.get(key);
  const hash = wanted?.get(key)?.hash;
  // What is wanted no more is observed as it is: it only waits for its end.
  if (hash === undefined) return wanted !== undefined;
  if (last?.hash !== hash || last.isGone === true) return false;
  return !isOlder(metadata.resourceVersion, last.child.metadata.resourceVersion);
}

/** Wanted, and not there yet. */
function missingOf(
  target: string,
  here: readonly TrimmedChild[],
  { wanted, applied }: ViewInput["memory"],
): readonly WorkloadView[] {
  const known = new Set(here.map(({ ref }) => refKey(ref)));
  return [...(wanted ?? [])].flatMap(([key, each]) => {
    if (each.target !== target || known.has(key)) return [];
    const last = applied.get(key);
    // Made, and a kind without pods: it counts nothing.
    if (last !== undefined && last.hash === each.hash && last.child.facts === undefined) return [];
    return [{ ...UNKNOWN, ...namesOf(key), ...(each.version !== undefined && { version: each.version }) }];
  });
}

function namesOf(key: string): Pick<WorkloadView, "kind" | "name"> {
  const [, kind = "", , name = ""] = key.split("/");
  return { kind, name };
}
