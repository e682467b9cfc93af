// SPDX-License-Identifier: Apache-2.0
// A device's properties and their model's as what the device runs by. Pure.
import { fromAny, type CustomizedValue } from "@longshore/crds/dmi";
import type { DeviceModel, DeviceProperty, ModelProperty } from "@longshore/crds/dmi";
import { planPush, type PushRefusal, type Target, type TargetKind } from "../data/index.ts";
import type { ConfigData, Property, PropertyType, StreamProperty } from "../driver.ts";
import type { MapperOptions } from "../options.ts";
import { TWIN_TYPES } from "../values/convert.ts";
import { shortestFloat32 } from "../values/float32.ts";

/** One property and when it is read, reported and pushed. */
export interface PropertyPlan {
  readonly property: Property;
  readonly collectCycleMs: number;
  /** undefined: not reported */
  readonly reportCycleMs: number | undefined;
  /** undefined: not pushed */
  readonly push: { readonly targets: readonly Target[]; readonly cycleMs: number } | undefined;
  /** "" when nothing is desired, as the edge sends it */
  readonly desired: string;
}

export type PlanLimits = Pick<
  MapperOptions,
  | "collectCycleMs"
  | "reportCycleMs"
  | "pushCycleMs"
  | "stateCycleMs"
  | "minCycleMs"
  | "maxCycleMs"
  | "maxPropertiesPerDevice"
>;

/** A part of the device that is left out, and why. */
export type Refusal =
  | { readonly property: string; readonly reason: PropertyRefusal }
  | { readonly property: string; readonly push: TargetKind; readonly reason: PushRefusal }
  | { readonly method: string; readonly reason: "given twice" | "it has no name" };

type PropertyRefusal =
  | "not in the model"
  | "given twice"
  | "its type is not known"
  | "more than allowed"
  | "a stream has no desired value"
  | "a stream is not pushed";

/** The properties of a device, sorted by what is done with them. */
export interface PlannedProperties {
  readonly properties: readonly PropertyPlan[];
  readonly streams: readonly StreamProperty[];
  readonly refused: readonly Refusal[];
}

/** What cannot be carried out is left out and named. */
export function planProperties(
  given: readonly DeviceProperty[],
  model: DeviceModel,
  limits: PlanLimits,
): PlannedProperties {
  const known = new Map(model.spec?.properties.map((property) => [property.name, property]));
  const seen = new Set<string>();
  const properties: PropertyPlan[] = [];
  const streams: StreamProperty[] = [];
  const refused: Refusal[] = [];
  for (const wanted of given) {
    const modelled = known.get(wanted.name);
    const reason = refusalOf(wanted, modelled, seen, limits);
    if (!modelled || reason !== undefined) {
      refused.push({ property: wanted.name, reason: reason ?? "not in the model" });
      continue;
    }
    seen.add(wanted.name);
    if (isStream(modelled)) {
      streams.push({ name: wanted.name, config: configOf(wanted.visitors?.configData) });
      refused.push(...refusedOfStream(wanted));
    } else {
      const planned = planProperty(wanted, modelled, limits);
      properties.push(planned.plan);
      refused.push(...planned.refused);
    }
  }
  return { properties, streams, refused };
}

const isStream = ({ type }: ModelProperty): boolean => type.toUpperCase() === "STREAM";

function refusalOf(
  given: DeviceProperty,
  known: ModelProperty | undefined,
  seen: ReadonlySet<string>,
  limits: PlanLimits,
): PropertyRefusal | undefined {
  if (known === undefined) return "not in the model";
  if (seen.has(given.name)) return "given twice";
  if (!isStream(known) && !Object.hasOwn(TWIN_TYPES, known.type.toUpperCase()))
    return "its type is not known";
  return seen.size >= limits.maxPropertiesPerDevice ? "more than allowed" : undefined;
}

function refusedOfStream({ name, desired, pushMethod }: DeviceProperty): readonly Refusal[] {
  const { targets, refused } = planPush(pushMethod);
  const reasons: PropertyRefusal[] = [];
  if ((desired?.value ?? "") !== "") reasons.push("a stream has no desired value");
  if (targets.length + refused.length > 0) reasons.push("a stream is not pushed");
  return reasons.map((reason) => ({ property: name, reason }));
}

function planProperty(
  given: DeviceProperty,
  modelled: ModelProperty,
  limits: PlanLimits,
): { readonly plan: PropertyPlan; readonly refused: readonly Refusal[] } {
  const { targets, refused } = planPush(given.pushMethod);
  const pushMs = targets.length > 0 ? cycleMs(given.reportCycle, limits.pushCycleMs, limits) : undefined;
  const collectMs = cycleMs(given.collectCycle, limits.collectCycleMs, limits);
  const plan = {
    property: propertyOf(given, modelled),
    // Each push carries a reading of its own, as KubeEdge's mappers read for each.
    collectCycleMs: Math.min(collectMs, pushMs ?? collectMs),
    reportCycleMs: given.reportToCloud ? cycleMs(given.reportCycle, limits.reportCycleMs, limits) : undefined,
    push: pushMs === undefined ? undefined : { targets, cycleMs: pushMs },
    desired: given.desired?.value ?? "",
  };
  return {
    plan,
    refused: refused.map(({ kind, reason }) => ({ property: given.name, push: kind, reason })),
  };
}

const propertyOf = (given: DeviceProperty, modelled: ModelProperty): Property => ({
  name: given.name,
  type: modelled.type.toUpperCase() as PropertyType,
  writable: modelled.accessMode === "ReadWrite",
  ...bound("minimum", modelled.minimum),
  ...bound("maximum", modelled.maximum),
  unit: modelled.unit,
  config: configOf(given.visitors?.configData),
});

function bound<Name extends "minimum" | "maximum">(name: Name, text: string): { [K in Name]?: number } {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? ({ [name]: value } as { [K in Name]?: number }) : {};
}

/** Milliseconds within the bounds; what is not positive is the default. */
export function cycleMs(given: bigint, fallbackMs: number, { minCycleMs, maxCycleMs }: PlanLimits): number {
  const wanted = given > 0n ? Number(given) : fallbackMs;
  return Math.min(Math.max(wanted, minCycleMs), maxCycleMs);
}

/** `configData` as its user wrote it. */
export function configOf(data: CustomizedValue | undefined): ConfigData {
  const entries = Object.entries(data?.data ?? {}).flatMap(([key, any]) => {
    const value = fromAny(any);
    return value === undefined ? [] : [[key, typeof value === "number" ? shortestFloat32(value) : value]];
  });
  return Object.fromEntries(entries) as ConfigData;
}
