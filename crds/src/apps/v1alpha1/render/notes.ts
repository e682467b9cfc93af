// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationOverriders } from "../types.gen.ts";
import { quoted } from "./fault.ts";
import { fieldsAt, indexed, isFields, own, type Fields } from "./json.ts";
import { workloadOf, type Workload } from "./kinds.ts";
import { copiedWorkload, manifestField, manifestsOf } from "./manifest.ts";
import type { RenderedSpec, Target } from "./types.ts";

/**
 * What one target's overriders name that no manifest has. KubeEdge says nothing of it; here it stops nothing either,
 * but somebody meant something by it.
 *
 * @returns sentences that begin with a field: `workloadScope[beijing].overriders.envOverriders[0].containerName: …`
 */
export function targetNotes({
  spec,
  target,
}: {
  readonly spec: RenderedSpec;
  readonly target: Target;
}): string[] {
  return notesOf(target.overriders, copiesIn(spec), `workloadScope[${target.name}].overriders`);
}

/** What the spec says that does nothing in any target: overriders of versions, and what Jobs are made without. */
export function specNotes(spec: RenderedSpec): string[] {
  const daemonSets = copiesIn(spec).filter(({ workload }) => workload.kind === "DaemonSet");
  // Without any, the versions as a whole do nothing: that is another sentence.
  const versions = daemonSets.length > 0 ? indexed(spec.rollout?.versions) : [];
  return [
    ...versions.flatMap(([index, { overriders }]) =>
      notesOf(overriders ?? {}, daemonSets, `rollout.versions[${String(index)}].overriders`),
    ),
    ...manifestsOf(spec).flatMap((manifest, ordinal) => ttlNotes(manifest, manifestField(ordinal))),
  ];
}

/** What the controller of Jobs removes would be made again, and run again, for ever. */
export function dropTtl(object: Fields, apiVersion: string, kind: string): void {
  if (workloadOf(apiVersion, kind)?.kind !== "Job") return;
  const spec = fieldsAt(object, ["spec"]);
  if (spec !== undefined) Reflect.deleteProperty(spec, TTL);
}

const TTL = "ttlSecondsAfterFinished";

function ttlNotes(manifest: unknown, field: string): string[] {
  if (!isFields(manifest) || own(manifest, "kind") !== "Job") return [];
  const ttl = own(fieldsAt(manifest, ["spec"]) ?? {}, TTL);
  if (ttl === undefined || ttl === null) return [];
  return [`${field}.spec.${TTL}: is left out, for a Job that is removed would be made and run again`];
}

/** A workload that there is a copy of for each target. */
interface Source {
  readonly workload: Workload;
  readonly name: unknown;
  readonly containers: ReadonlySet<unknown>;
}

const copiesIn = (spec: RenderedSpec): readonly Source[] =>
  manifestsOf(spec).flatMap((manifest) => {
    const workload = copiedWorkload(manifest);
    if (workload === undefined) return [];
    const podSpec = fieldsAt(manifest, [...workload.template, "spec"]) ?? {};
    const containers = ["containers", "initContainers"].flatMap((list) => namesIn(own(podSpec, list)));
    const name = own(fieldsAt(manifest, ["metadata"]) ?? {}, "name");
    return [{ workload, name, containers: new Set(containers) }];
  });

const namesIn = (list: unknown): unknown[] =>
  Array.isArray(list) ? list.filter(isFields).map((one) => own(one, "name")) : [];

const BY_CONTAINER = [
  "commandOverriders",
  "argsOverriders",
  "envOverriders",
  "resourcesOverriders",
] as const satisfies readonly (keyof EdgeApplicationOverriders)[];

function notesOf(overriders: EdgeApplicationOverriders, copies: readonly Source[], field: string): string[] {
  if (copies.length === 0) return [];
  const names = new Set(copies.flatMap(({ containers }) => [...containers]));
  const ofContainers = BY_CONTAINER.flatMap((list) =>
    indexed<{ readonly containerName: string }>(overriders[list])
      .filter(([, { containerName }]) => !names.has(containerName))
      .map(
        ([index, { containerName }]) =>
          `${field}.${list}[${String(index)}].containerName: no container is called ${quoted(containerName)}; it changes nothing`,
      ),
  );
  return [
    ...replicaNotes(overriders, copies, field),
    ...ofContainers,
    ...patchNotes(overriders, copies, field),
  ];
}

function replicaNotes(
  { replicas }: EdgeApplicationOverriders,
  copies: readonly Source[],
  field: string,
): string[] {
  if (replicas === undefined || copies.some(({ workload }) => workload.hasReplicas)) return [];
  return [`${field}.replicas: no manifest is of a kind with replicas; it changes nothing`];
}

function patchNotes(
  { patchOverriders }: EdgeApplicationOverriders,
  copies: readonly Source[],
  field: string,
): string[] {
  return indexed(patchOverriders).flatMap(([index, { target = {} }]) => {
    const { kind, name } = target;
    const isMeant = (one: Source): boolean =>
      (kind ?? one.workload.kind) === one.workload.kind && (name ?? one.name) === one.name;
    if (copies.some(isMeant)) return [];
    const what = [kind ?? "workload", ...(name === undefined ? [] : [quoted(name)])].join(" ");
    return [`${field}.patchOverriders[${String(index)}].target: there is no ${what}; it changes nothing`];
  });
}
