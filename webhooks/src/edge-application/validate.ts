// SPDX-License-Identifier: Apache-2.0
import { type EdgeApplicationSpec, type GroupFacts, type Owner, type Target } from "@longshore/crds/apps";
import type { RuleViolation } from "@longshore/crds/devices";
import type { ReviewRequest, Verdict } from "../review.ts";
import { isJudged, sentence, verdictOf } from "../verdict.ts";
import { changesOf } from "./changes.ts";
import type { ApplicationLookups } from "./lookups.ts";
import { rolloutFaults, rolloutWarnings } from "./nonsense.ts";
import { rendering, type Rendering } from "./rendering.ts";
import { cut, tellBlast } from "./telling.ts";

export interface ApplicationRuleDeps {
  readonly applications: ApplicationLookups;
  /** Whether what KubeEdge takes and cannot work is refused. */
  readonly isStrict: boolean;
}

/** Eleven sentences of this length are what the API server passes on uncut. */
const MAX_CHARS = 370;

/**
 * Judges an EdgeApplication. Refused is only what `spec.rollout` cannot mean; a manifest that makes no object is warned
 * of. A dry run (`kubectl apply --dry-run=server`) is told what the edit would change; nothing else looks anything up.
 */
export function createApplicationRule(
  deps: ApplicationRuleDeps,
): (request: ReviewRequest) => Verdict | Promise<Verdict> {
  return (request) => {
    if (!isJudged(request)) return { allowed: true };
    return judge(request, specOf(request.object), deps);
  };
}

interface Known {
  readonly groups: readonly GroupFacts[];
  /** Whether these are all. */
  readonly isAll: boolean;
}

const NOTHING_KNOWN: Known = { groups: [], isAll: false };

async function judge(
  request: ReviewRequest,
  spec: EdgeApplicationSpec,
  { applications, isStrict }: ApplicationRuleDeps,
): Promise<Verdict> {
  const known = request.dryRun === true ? await groupsOf(applications) : NOTHING_KNOWN;
  const after = rendering({ owner: ownerOf(request), spec, groups: known.groups });
  const hazards = after.faults.map(violationOf);
  const [summary = [], ...places] =
    request.dryRun === true ? await tellDryRun(request, after, applications, known) : [];
  const warnings = [
    summary,
    ...(isStrict ? [] : hazards.map(sentence)),
    ...noteWarnings(after),
    ...rolloutWarnings(spec, areTargetsKnown(spec, known) ? new Set(after.names) : undefined),
    ...places,
  ].flat();
  return verdictOf({
    faults: [...rolloutFaults(spec.rollout ?? {}), ...(isStrict ? hazards : [])],
    warnings: warnings.map((warning) => cut(warning, MAX_CHARS)),
  });
}

/** Notes told of one spec: what it would change is told behind them. */
const MAX_NOTES = 4;

function noteWarnings({ notes }: Rendering): string[] {
  const more = notes.length - MAX_NOTES;
  const shown = notes.slice(0, MAX_NOTES).map((note) => `${SPEC}${note}`);
  return more > 0 ? [...shown, `and ${more} more overriders that change nothing`] : shown;
}

async function groupsOf(lookups: ApplicationLookups): Promise<Known> {
  const groups = await lookups.groups();
  return groups === "unknown" ? NOTHING_KNOWN : { groups, isAll: true };
}

/** Groups that are chosen by their labels are known only once the groups are. */
const areTargetsKnown = ({ workloadScope }: EdgeApplicationSpec, { isAll }: Known): boolean =>
  isAll || (workloadScope.targetNodeGroupSelectors ?? []).length === 0;

const SPEC = "spec.";

/** Messages of the renderer begin with a field. */
function violationOf(message: string): RuleViolation {
  const end = message.indexOf(": ");
  return end < 0
    ? { field: "spec", message }
    : { field: `${SPEC}${message.slice(0, end)}`, message: message.slice(end + 2) };
}

interface Subject {
  readonly metadata?: { readonly uid?: unknown; readonly name?: unknown } | null;
  readonly spec?: Partial<EdgeApplicationSpec>;
}

const specOf = (object: unknown): EdgeApplicationSpec => ({ workloadScope: {}, ...(object as Subject).spec });

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

const ownerOf = ({ object, name = "", namespace = "" }: ReviewRequest): Owner => {
  const { metadata } = object as Subject;
  return { name: textOf(metadata?.name) ?? name, namespace, uid: textOf(metadata?.uid) ?? "" };
};

async function tellDryRun(
  request: ReviewRequest,
  after: Rendering,
  applications: ApplicationLookups,
  known: Known,
): Promise<string[]> {
  const before = renderedBefore(request, known);
  const places = changesOf(before, after);
  const targets = places.flatMap(({ target }): Target[] => (target ? [target] : []));
  const nodes = await applications.nodes(targets);
  const skipped = after.names.length - after.targets.length;
  const told = tellBlast({ places, nodes, targets: after.names.length, skipped });
  return [
    ...told,
    ...(known.isAll
      ? []
      : ["the node groups could not be read, so those that labels select were not compared"]),
  ];
}

function renderedBefore(request: ReviewRequest, { groups }: Known): Rendering | undefined {
  if (request.operation !== "UPDATE" || request.oldObject === undefined) return undefined;
  return rendering({ owner: ownerOf(request), spec: specOf(request.oldObject), groups });
}
