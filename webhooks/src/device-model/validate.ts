// SPDX-License-Identifier: Apache-2.0
import {
  duplicateProperties,
  modelHazards,
  modelMismatches,
  unusableBounds,
  type DeviceModelSpec,
  type DeviceSpec,
} from "@longshore/crds/devices";
import type { ReviewRequest, Verdict } from "../review.ts";
import { isJudged, sentence, verdictOf } from "../verdict.ts";
import type { DeviceLister } from "./devices.ts";

export interface ModelRuleDeps {
  readonly devices: DeviceLister;
  /** Whether hazards and bounds that no value meets are refused; KubeEdge takes them: otherwise a warning. */
  readonly isStrict: boolean;
}

/** Names told in a warning. */
const MAX_NAMES = 5;

/** Judges a DeviceModel: names, bounds and hazards. Devices that no longer fit a changed model are warned of. */
export function createModelRule(deps: ModelRuleDeps): (request: ReviewRequest) => Promise<Verdict> {
  return async (request) => {
    if (!isJudged(request)) return { allowed: true };
    const { spec = {} } = request.object as { readonly spec?: DeviceModelSpec };
    const names = duplicateProperties(spec.properties);
    if (request.kind.version === "v1alpha2" || names.length > 0)
      return verdictOf({ faults: names, warnings: [] });
    const hazards = [...unusableBounds(spec), ...modelHazards(spec)];
    if (deps.isStrict && hazards.length > 0) return verdictOf({ faults: hazards, warnings: [] });
    const misfits = await warnOfMisfits(request, spec, deps.devices);
    return verdictOf({ faults: [], warnings: [...hazards.map(sentence), ...misfits] });
  };
}

async function warnOfMisfits(
  { operation, namespace = "", name = "", oldObject }: ReviewRequest,
  spec: DeviceModelSpec,
  devices: DeviceLister,
): Promise<string[]> {
  if (operation !== "UPDATE") return [];
  const { spec: before = {} } = (oldObject ?? {}) as { readonly spec?: DeviceModelSpec };
  const found = await devices.ofModel(namespace, name);
  if (found === "unknown")
    return ["the devices of this model could not be read, so they were not compared with it"];
  const misfits = found.devices.filter((device) => isNewMisfit(device.spec, before, spec));
  const first = misfits.slice(0, MAX_NAMES).map((device) => device.name);
  return [
    ...(misfits.length > 0
      ? [`devices that no longer fit this model: ${first.join(", ")}${more(misfits.length)}`]
      : []),
    ...(found.isAll ? [] : ["this namespace has more devices than were compared with the model"]),
  ];
}

const isNewMisfit = (device: DeviceSpec, before: DeviceModelSpec, after: DeviceModelSpec): boolean =>
  modelMismatches(device, after).length > 0 && modelMismatches(device, before).length === 0;

const more = (count: number): string => (count > MAX_NAMES ? ` and ${count - MAX_NAMES} more` : "");
