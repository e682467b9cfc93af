// SPDX-License-Identifier: Apache-2.0
// What the edge sends (a device and its model) as the plan that a device runs by. Pure.
import { isDeepStrictEqual } from "node:util";
import { fromAny, type CustomizedValue, type Device as DmiDevice } from "@longshore/crds/dmi";
import type { DeviceModel, DeviceProperty, ModelProperty } from "@longshore/crds/dmi";
import type { ConfigData, Device, Property, PropertyType } from "../driver.ts";
import type { MapperOptions } from "../options.ts";
import { TWIN_TYPES } from "../values/convert.ts";
import { shortestFloat32 } from "../values/float32.ts";

/** One property and when it is read and reported. */
export interface PropertyPlan {
  readonly property: Property;
  readonly collectCycleMs: number;
  /** undefined: not reported */
  readonly reportCycleMs: number | undefined;
  /** "" when nothing is desired, as the edge sends it */
  readonly desired: string;
}

/** How one device runs. */
export interface DevicePlan {
  readonly device: Device;
  readonly properties: readonly PropertyPlan[];
  /** undefined: its state is not reported */
  readonly stateCycleMs: number | undefined;
}

export type PlanLimits = Pick<
  MapperOptions,
  "collectCycleMs" | "reportCycleMs" | "stateCycleMs" | "minCycleMs" | "maxCycleMs" | "maxPropertiesPerDevice"
>;

/** A part of the device that is left out, and why. */
export interface Refusal {
  readonly property: string;
  readonly reason: "not in the model" | "given twice" | "type is not collected" | "more than allowed";
}

/** Namespace of what says none. */
export const namespaceOf = (namespace: string): string => namespace || "default";

/** `namespace/name`, the identity of a device or model. */
export const keyOf = ({ namespace, name }: { namespace: string; name: string }): string =>
  `${namespaceOf(namespace)}/${name}`;

/** The model that a device refers to: always of its own namespace. */
export const modelKeyOf = (device: DmiDevice): string =>
  keyOf({ namespace: device.namespace, name: device.spec?.deviceModelReference ?? "" });

/** Turns a device and its model into a plan; what cannot be carried out is left out and named. */
export function planDevice(
  device: DmiDevice,
  model: DeviceModel,
  limits: PlanLimits,
): { plan: DevicePlan; refused: readonly Refusal[] } {
  const { properties, refused } = planProperties(device.spec?.properties ?? [], model, limits);
  const plan = {
    device: {
      id: keyOf(device),
      namespace: namespaceOf(device.namespace),
      name: device.name,
      model: model.name,
      config: configOf(device.spec?.protocol?.configData),
      properties: properties.map(({ property }) => property),
      streams: [],
    },
    properties,
    stateCycleMs: stateCycleOf(device.status, limits),
  };
  return { plan, refused };
}

function stateCycleOf(status: DmiDevice["status"], limits: PlanLimits): number | undefined {
  return status?.reportToCloud === true
    ? cycleMs(status.reportCycle, limits.stateCycleMs, limits)
    : undefined;
}

function planProperties(
  given: readonly DeviceProperty[],
  model: DeviceModel,
  limits: PlanLimits,
): { properties: readonly PropertyPlan[]; refused: readonly Refusal[] } {
  const known = new Map(model.spec?.properties.map((property) => [property.name, property]));
  const taken = new Map<string, PropertyPlan>();
  const refused: Refusal[] = [];
  for (const wanted of given) {
    const modelled = known.get(wanted.name);
    const reason = refusalOf(wanted, modelled, taken, limits);
    if (modelled && reason === undefined) taken.set(wanted.name, planProperty(wanted, modelled, limits));
    else refused.push({ property: wanted.name, reason: reason ?? "not in the model" });
  }
  return { properties: [...taken.values()], refused };
}

function refusalOf(
  given: DeviceProperty,
  known: ModelProperty | undefined,
  taken: ReadonlyMap<string, PropertyPlan>,
  limits: PlanLimits,
): Refusal["reason"] | undefined {
  if (known === undefined) return "not in the model";
  if (taken.has(given.name)) return "given twice";
  if (!Object.hasOwn(TWIN_TYPES, known.type.toUpperCase())) return "type is not collected";
  return taken.size >= limits.maxPropertiesPerDevice ? "more than allowed" : undefined;
}

function planProperty(given: DeviceProperty, modelled: ModelProperty, limits: PlanLimits): PropertyPlan {
  return {
    property: {
      name: given.name,
      type: modelled.type.toUpperCase() as PropertyType,
      writable: modelled.accessMode === "ReadWrite",
      ...bound("minimum", modelled.minimum),
      ...bound("maximum", modelled.maximum),
      unit: modelled.unit,
      config: configOf(given.visitors?.configData),
    },
    collectCycleMs: cycleMs(given.collectCycle, limits.collectCycleMs, limits),
    reportCycleMs: given.reportToCloud ? cycleMs(given.reportCycle, limits.reportCycleMs, limits) : undefined,
    desired: given.desired?.value ?? "",
  };
}

function bound<Name extends "minimum" | "maximum">(name: Name, text: string): { [K in Name]?: number } {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? ({ [name]: value } as { [K in Name]?: number }) : {};
}

/** Milliseconds within the bounds; what is not positive is the default. */
function cycleMs(given: bigint, fallbackMs: number, { minCycleMs, maxCycleMs }: PlanLimits): number {
  const wanted = given > 0n ? Number(given) : fallbackMs;
  return Math.min(Math.max(wanted, minCycleMs), maxCycleMs);
}

function configOf(data: CustomizedValue | undefined): ConfigData {
  const entries = Object.entries(data?.data ?? {}).flatMap(([key, any]) => {
    const value = fromAny(any);
    return value === undefined ? [] : [[key, typeof value === "number" ? shortestFloat32(value) : value]];
  });
  return Object.fromEntries(entries) as ConfigData;
}

/** Whether a plan needs another handle: anything that the driver sees has changed. */
export const needsReopen = (old: DevicePlan, next: DevicePlan): boolean =>
  !isDeepStrictEqual(old.device, next.device);

/** Whether a property is still the same place on the same device, so that what is known of it holds. */
export function isSameProperty(old: DevicePlan, next: DevicePlan, name: string): boolean {
  const place = ({ device, properties }: DevicePlan): unknown => [
    device.config,
    properties.find(({ property }) => property.name === name)?.property,
  ];
  return isDeepStrictEqual(place(old), place(next));
}
