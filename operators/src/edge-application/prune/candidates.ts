// SPDX-License-Identifier: Apache-2.0
import type { RenderFault } from "@longshore/crds/apps";
import { isOwnedBy, type TrimmedChild } from "../apply/child.ts";
import { refKey, type Ref } from "../resources.ts";
import type { RolloutStep } from "../rollout/index.ts";

/** What decides whether something that is wanted no more may go. */
export interface PruneInput {
  readonly uid: string;
  /** Keys of what is to exist, or stays as it is for now. */
  readonly wanted: ReadonlySet<string>;
  /** Of rendering. */
  readonly faults: readonly Pick<RenderFault, "target">[];
  /** Which targets there are is not known for certain: a part of the scope means nothing. */
  readonly isScopeUnsure: boolean;
  /** Kinds of which something new could not be applied, by target. */
  readonly refused: readonly { readonly kind: string; readonly target?: string }[];
  readonly keeps: RolloutStep["keeps"];
  /** Targets that have something now, and all that the scope names. */
  readonly planned: ReadonlySet<string>;
  readonly scope: ReadonlySet<string>;
}

/** Where something is for, told by its marks, or for what CloudCore made by its name. */
interface Place {
  readonly target?: string;
  readonly version?: string;
}

/** Whether a child of the application that is not wanted goes. */
export function isPruned(input: PruneInput, child: TrimmedChild): boolean {
  const { ref, owner, metadata } = child;
  if (!isOwnedBy(input.uid, owner) || metadata.deletionTimestamp !== undefined) return false;
  return mayGo(input, ref, child.target === undefined ? placeByName(input, ref) : child);
}

/** The same of one that only the annotation of CloudCore names. Who owns it is to be seen. */
export const mayBeGone = (input: PruneInput, ref: Ref): boolean => mayGo(input, ref, placeByName(input, ref));

function mayGo(input: PruneInput, ref: Ref, { target, version }: Place): boolean {
  if (input.wanted.has(refKey(ref)) || isRevision(ref)) return false;
  if (isHeldByFault(input, ref, target)) return false;
  // It waits for its turn in a rollout.
  if (target !== undefined && input.scope.has(target) && !input.planned.has(target)) return false;
  return !input.keeps({
    ...(target !== undefined && { target }),
    ...(version !== undefined && { version }),
  });
}

/** A typo must not delete a workload: what cannot be rendered, or took another name and was refused, stays. */
function isHeldByFault(input: PruneInput, { kind }: Ref, target: string | undefined): boolean {
  if (input.isScopeUnsure || input.faults.some((fault) => fault.target === target)) return true;
  // What a manifest without kind would have been is not known: of any target, but not of one that was dropped.
  const isDropped = target !== undefined && !input.scope.has(target);
  if (!isDropped && input.faults.some((fault) => fault.target === undefined)) return true;
  return input.refused.some((each) => each.kind === kind && each.target === target);
}

/** Rollouts keep what they return to. */
const isRevision = ({ group, kind }: Ref): boolean => group === "apps" && kind === "ControllerRevision";

function placeByName({ scope }: PruneInput, { name }: Ref): Place {
  const fits = [...scope].filter((each) => name.endsWith(`-${each}`));
  // web-a-b may be web of a-b, or web-a of b: the longer is the likelier.
  const target = fits.sort((a, b) => b.length - a.length)[0];
  return target === undefined ? {} : { target };
}
