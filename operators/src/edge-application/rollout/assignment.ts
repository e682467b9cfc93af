// SPDX-License-Identifier: Apache-2.0
import type { Status } from "./state.ts";

/** Which revision targets have now, by the status that is stored before they get it. */
export interface Assignment {
  readonly revisions: ReadonlyMap<string, string>;
  /** Targets whose children stay as they are: what they have is not known, or their first batch is still to come. */
  readonly untouched: ReadonlySet<string>;
  /** Revision of what exists once. */
  readonly shared: string | undefined;
}

export interface AssignmentInput {
  readonly status: Status;
  readonly running: ReadonlyMap<string, string>;
  /** Targets of a revision; undefined: it cannot be read. */
  readonly targetsOf: (revision: string) => ReadonlyMap<string, unknown> | undefined;
  /** The wanted revision's targets in the order of its batches. */
  readonly wantedTargets: readonly string[];
}

const ALL_STABLE: ReadonlySet<string> = new Set(["RollingBack", "RolledBack", "Completed"]);

export function assignmentOf(input: AssignmentInput): Assignment {
  const { status, targetsOf } = input;
  const { phase = "", stableRevision } = status;
  if (!ALL_STABLE.has(phase) || stableRevision === undefined) return underWay(input);
  const stable = targetsOf(stableRevision);
  // Whatever went wrong with its revision: better what is there than nothing.
  if (stable === undefined)
    return { revisions: new Map(), untouched: new Set(input.running.keys()), shared: undefined };
  const revisions = new Map([...stable.keys()].map((target) => [target, stableRevision]));
  return { revisions, untouched: new Set(), shared: stableRevision };
}

function underWay(input: AssignmentInput): Assignment {
  const { status, running, targetsOf, wantedTargets } = input;
  const stable = targetsOf(status.stableRevision ?? "")?.keys() ?? [];
  const updated = new Set(status.updatedTargets);
  const revisions = new Map<string, string>();
  const untouched = new Set<string>();
  for (const target of new Set([...wantedTargets, ...stable, ...running.keys()])) {
    const has = updated.has(target) ? status.revision : running.get(target);
    const gets = revisionFor(target, has, input);
    if (gets === UNTOUCHED) untouched.add(target);
    else if (gets !== undefined) revisions.set(target, gets);
  }
  return { revisions, untouched, shared: sharedOf(input, revisions) };
}

const UNTOUCHED = Symbol("untouched");

function revisionFor(
  target: string,
  has: string | undefined,
  { status: { revision = "", stableRevision = "" }, targetsOf }: AssignmentInput,
): string | typeof UNTOUCHED | undefined {
  if (has !== undefined && targetsOf(has) === undefined) return UNTOUCHED;
  // Never had any, or a selector of its revision does not mean it any more: then it is the stable one's, if at all.
  const gets = [has ?? "", stableRevision].find((one) => targetsOf(one)?.has(target));
  return gets ?? (targetsOf(revision)?.has(target) === true ? UNTOUCHED : undefined);
}

/** With the first target that gets a revision: its pods may need what is new. */
function sharedOf(
  { status: { revision = "", stableRevision, updatedTargets = [] }, wantedTargets }: AssignmentInput,
  revisions: ReadonlyMap<string, string>,
): string | undefined {
  if (updatedTargets.length > 0) return revision;
  const superseded = [...wantedTargets, ...revisions.keys()]
    .map((target) => revisions.get(target))
    .find((one) => one !== undefined && one !== stableRevision);
  return superseded ?? (revisions.size > 0 ? stableRevision : undefined);
}
