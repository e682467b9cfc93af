// SPDX-License-Identifier: Apache-2.0
import { duplicateProperties, modelMismatches, type RuleViolation } from "./rules.ts";
import type { DeviceModelSpec, DeviceSpec } from "./types.gen.ts";

/** What a device is worth by itself and by its model; the reasons of the condition Accepted that need no node. */
export interface DeviceJudgement {
  readonly reason: "Accepted" | "ModelNotFound" | "PropertyInvalid";
  /** One sentence that names the first faults, of at most some 500 characters. */
  readonly message: string;
  /** All of them; `field` tells the property. */
  readonly faults: readonly RuleViolation[];
}

/** Faults told in a message. */
const MAX_TOLD = 3;
const MAX_MESSAGE_CHARS = 500;
/** No object has a longer name, but a Device may name anything. */
const MAX_NAME_CHARS = 253;

/**
 * Judges a device as admission, the controllers and the edge do, so that all three say the same. What KubeEdge takes
 * and should not is no fault: see `deviceHazards`.
 *
 * @param model undefined when there is none of that name
 */
export function judgeDevice(device: DeviceSpec, model: DeviceModelSpec | undefined): DeviceJudgement {
  const faults = [
    ...duplicateProperties(device.properties),
    ...(model === undefined ? [] : modelMismatches(device, model)),
  ];
  if (faults.length > 0) return { reason: "PropertyInvalid", message: tell(faults), faults };
  if (model === undefined) return { reason: "ModelNotFound", message: missing(device), faults };
  return { reason: "Accepted", message: "the device fits its model", faults };
}

function missing({ deviceModelRef }: DeviceSpec): string {
  const name = deviceModelRef?.name ?? "";
  return name === ""
    ? "spec.deviceModelRef names no model"
    : `the namespace has no DeviceModel ${JSON.stringify(name.slice(0, MAX_NAME_CHARS))}`;
}

function tell(faults: readonly RuleViolation[]): string {
  const told = faults.slice(0, MAX_TOLD).map(({ field, message }) => `${field}: ${message}`);
  const more = faults.length - told.length;
  const text = `${told.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
  return text.length > MAX_MESSAGE_CHARS ? `${text.slice(0, MAX_MESSAGE_CHARS)}…` : text;
}
