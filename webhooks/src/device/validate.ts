// SPDX-License-Identifier: Apache-2.0
import { deviceHazards, judgeDevice, type DeviceSpec, type RuleViolation } from "@longshore/crds/devices";
import type { Device as OldDevice } from "@longshore/crds/devices/v1alpha2";
import type { ReviewRequest, Verdict } from "../review.ts";
import { isJudged, sentence, verdictOf } from "../verdict.ts";
import type { ModelReader } from "./models.ts";
import { duplicateOldNames } from "./names.ts";

export interface DeviceRuleDeps {
  readonly models: ModelReader;
  /** Whether hazards are refused; KubeEdge takes them, so otherwise they are warned of. */
  readonly isStrict: boolean;
}

/**
 * Judges a Device: names, its model, hazards. The model may come after the Device, and may be out of reach: both
 * are only warned of. A Device is refused for its model only after that was read anew.
 */
export function createDeviceRule(deps: DeviceRuleDeps): (request: ReviewRequest) => Promise<Verdict> {
  return async (request) => {
    if (!isJudged(request)) return { allowed: true };
    if (request.kind.version === "v1alpha2") {
      const { spec = {} } = request.object as OldDevice;
      return verdictOf({ faults: duplicateOldNames(spec), warnings: [] });
    }
    return await judge(request, deps);
  };
}

async function judge(request: ReviewRequest, { models, isStrict }: DeviceRuleDeps): Promise<Verdict> {
  const { spec = {} } = request.object as { readonly spec?: DeviceSpec };
  const hazards = deviceHazards(spec);
  const fit = await judgeFit(spec, request.namespace ?? "", models);
  return verdictOf({
    faults: [...fit.faults, ...(isStrict ? hazards : [])],
    warnings: [...fit.warnings, ...(isStrict ? [] : hazards.map(sentence))],
  });
}

interface Fit {
  readonly faults: readonly RuleViolation[];
  readonly warnings: readonly string[];
}

async function judgeFit(spec: DeviceSpec, namespace: string, models: ModelReader): Promise<Fit> {
  const { name = "" } = spec.deviceModelRef ?? {};
  if (name === "") return judgeAnswer(spec, "unnamed");
  const first = judgeAnswer(spec, await models.read(namespace, name));
  if (first.faults.length === 0) return first;
  return judgeAnswer(spec, await models.read(namespace, name, { isFresh: true }));
}

const WARNINGS = {
  unnamed: "missing: the device works once it names a DeviceModel of its namespace",
  missing: "no such DeviceModel in this namespace yet; the device works once it is there",
  unknown: "the DeviceModel could not be read, so the device was not compared with it",
} as const;

function judgeAnswer(spec: DeviceSpec, answer: Awaited<ReturnType<ModelReader["read"]>> | "unnamed"): Fit {
  if (typeof answer === "object") return { faults: judgeDevice(spec, answer).faults, warnings: [] };
  const warnings = [`spec.deviceModelRef: ${WARNINGS[answer]}`];
  return { faults: judgeDevice(spec, undefined).faults, warnings };
}
