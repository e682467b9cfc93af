// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationOverriders } from "../../types.gen.ts";
import { fail } from "../fault.ts";
import { cloneJson, fieldsOf } from "../json.ts";
import type { RenderLimits } from "../limits.ts";
import { overridePatches } from "../patches/index.ts";
import { overrideEnv, overrideResources, overrideWords } from "./container.ts";
import { containersNamed } from "./containers.ts";
import type { Copy } from "./copy.ts";
import { overrideImage } from "./image.ts";
import { overrideSpread } from "./spread.ts";

export { podSpecField, podSpecOf, type Copy } from "./copy.ts";

/**
 * Changes a copy as its target asks: what KubeEdge has, in KubeEdge's order, then spread, then patches.
 *
 * @param options.field where the overriders are, for messages
 * @param options.guard is called behind what may have changed anything, with its field
 * @throws {RenderFaultError} for what cannot be done
 */
export function override(
  copy: Copy,
  overriders: EdgeApplicationOverriders,
  { field, limits, guard }: OverrideOptions,
): void {
  const own = cloneJson(overriders, field, limits) as EdgeApplicationOverriders;
  overrideReplicas(copy, own.replicas, `${field}.replicas`);
  each(own.imageOverriders, `${field}.imageOverriders`, (one, at) => {
    overrideImage(copy, one, at);
    if (one.predicate) guard(at);
  });
  overrideContainers(copy, own, field);
  if (own.spread) overrideSpread(copy, own.spread, `${field}.spread`);
  each(own.patchOverriders, `${field}.patchOverriders`, (one, at) => {
    overridePatches(copy, one, at, limits);
    guard(at);
  });
}

export interface OverrideOptions {
  readonly field: string;
  readonly limits: RenderLimits;
  readonly guard: (field: string) => void;
}

function overrideContainers(copy: Copy, own: EdgeApplicationOverriders, field: string): void {
  each(own.commandOverriders, `${field}.commandOverriders`, (one, at) => {
    for (const container of containersNamed(copy, one.containerName, at))
      overrideWords(container, "command", one, at);
  });
  each(own.argsOverriders, `${field}.argsOverriders`, (one, at) => {
    for (const container of containersNamed(copy, one.containerName, at))
      overrideWords(container, "args", one, at);
  });
  each(own.envOverriders, `${field}.envOverriders`, (one, at) => {
    for (const container of containersNamed(copy, one.containerName, at)) overrideEnv(container, one, at);
  });
  each(own.resourcesOverriders, `${field}.resourcesOverriders`, (one, at) => {
    for (const container of containersNamed(copy, one.containerName, at))
      overrideResources(container, one, at);
  });
}

function each<T>(list: readonly T[] | undefined, field: string, act: (item: T, field: string) => void): void {
  for (const [index, item] of (list ?? []).entries()) act(item, `${field}[${String(index)}]`);
}

/** Kinds that count their pods otherwise (DaemonSet, Job, CronJob, Pod) stay as they are. */
function overrideReplicas(
  { workload, object, field: manifest }: Copy,
  replicas: unknown,
  field: string,
): void {
  if (replicas === undefined || replicas === null || !workload.hasReplicas) return;
  if (!Number.isSafeInteger(replicas) || (replicas as number) < 0)
    fail(field, "is no number of pods; use 0 or more");
  fieldsOf(object, "spec", manifest)["replicas"] = replicas;
}
