// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplication } from "@longshore/crds/apps";
import type { EventRecorder, KubeObject } from "../runtime/index.ts";
import { apiVersionOf } from "../runtime/index.ts";
import type { Outcome } from "./apply/applier.ts";
import type { Memory } from "./memory.ts";
import { EDGE_APPLICATIONS, nameFor } from "./resources.ts";
import { missingGroups, missingMessage } from "./status/conditions.ts";
import type { Observed } from "./status/observed.ts";

/** Reasons of the events of an EdgeApplication. */
export const EVENTS = {
  rendered: "Rendered",
  overrideFailed: "OverrideFailed",
  groupMissing: "GroupMissing",
  objectFailed: "ObjectFailed",
  objectDeleted: "ObjectDeleted",
} as const;

const ACTIONS: Readonly<Record<string, string>> = {
  [EVENTS.rendered]: "ApplyObjects",
  [EVENTS.overrideFailed]: "RenderObjects",
  [EVENTS.groupMissing]: "ResolveTargets",
  [EVENTS.objectFailed]: "ApplyObject",
  [EVENTS.objectDeleted]: "ApplyObject",
};
/** Events of one look at an application; the status has all. */
const MAX_EVENTS = 10;

interface Telling {
  readonly reason: string;
  readonly note: string;
}

/** Tells what is new since the last look. */
export function tell(
  recorder: EventRecorder,
  app: EdgeApplication,
  {
    memory,
    observed,
    outcomes,
  }: { readonly memory: Memory; readonly observed: Observed; readonly outcomes: readonly Outcome[] },
): void {
  const regarded = {
    ...app,
    apiVersion: apiVersionOf(EDGE_APPLICATIONS),
    kind: EDGE_APPLICATIONS.kind,
  } as KubeObject;
  const faults = faultsOf(observed);
  const fresh = faults.filter((each) => !memory.told.has(keyOf(each)));
  memory.told = new Set(faults.map(keyOf));
  const all = [...renderedOf(memory, observed, outcomes), ...recreated(outcomes), ...fresh];
  for (const { reason, note } of all.slice(0, MAX_EVENTS)) {
    const type = reason === EVENTS.rendered ? "Normal" : "Warning";
    recorder.event(regarded, { type, reason, action: ACTIONS[reason] ?? reason, note });
  }
}

const keyOf = ({ reason, note }: Telling): string => `${reason} ${note}`;

function faultsOf(observed: Observed): readonly Telling[] {
  const overrides = [...observed.scopeFaults, ...observed.faults.map(({ message }) => message)];
  const objects = [...observed.children.flatMap(({ fault }) => fault ?? []), ...observed.pruneFaults];
  const missing = missingGroups(observed);
  return [
    ...overrides.map((note) => ({ reason: EVENTS.overrideFailed, note })),
    ...(missing.length > 0 ? [{ reason: EVENTS.groupMissing, note: missingMessage(missing) }] : []),
    ...objects.map((note) => ({ reason: EVENTS.objectFailed, note })),
  ];
}

/** Once for each generation that something was written for. */
function renderedOf(memory: Memory, observed: Observed, outcomes: readonly Outcome[]): readonly Telling[] {
  const isNew = memory.generation !== observed.generation;
  memory.generation = observed.generation;
  const isMade = outcomes.some(({ made, wasWritten }) => wasWritten && made !== undefined);
  if (!isNew || !outcomes.some(({ wasWritten }) => wasWritten)) return [];
  const what = isMade ? "made" : "changed";
  return [
    {
      reason: EVENTS.rendered,
      note: `${what} ${outcomes.length} objects for ${observed.targets.length} targets`,
    },
  ];
}

const recreated = (outcomes: readonly Outcome[]): readonly Telling[] =>
  outcomes
    .filter(({ made }) => made === "recreated")
    .map(({ wanted }) => ({
      reason: EVENTS.objectDeleted,
      note: `${nameFor(wanted.ref)} was deleted, and was made again; change the application instead`,
    }));
