// SPDX-License-Identifier: Apache-2.0
// What the edge sends (a device and its model) as the plan that a device runs by. Pure.
import { isDeepStrictEqual } from "node:util";
import type { Device as DmiDevice, DeviceMethod, DeviceModel } from "@longshore/crds/dmi";
import type { Device, StreamProperty } from "../driver.ts";
import { keyOf, namespaceOf } from "./name.ts";
import {
  configOf,
  cycleMs,
  planProperties,
  type PlanLimits,
  type PropertyPlan,
  type Refusal,
} from "./properties.ts";

/** A method that the device has, and the properties that it is for. */
export interface MethodPlan {
  readonly name: string;
  readonly description: string;
  readonly propertyNames: readonly string[];
}

/** How one device runs. */
export interface DevicePlan {
  /** As the driver opens it. */
  readonly device: Device;
  readonly properties: readonly PropertyPlan[];
  readonly streams: readonly StreamProperty[];
  readonly methods: readonly MethodPlan[];
  /** undefined: its state is not reported */
  readonly stateCycleMs: number | undefined;
}

/** Turns a device and its model into a plan; what cannot be carried out is left out and named. */
export function planDevice(
  device: DmiDevice,
  model: DeviceModel,
  limits: PlanLimits,
): { plan: DevicePlan; refused: readonly Refusal[] } {
  const planned = planProperties(device.spec?.properties ?? [], model, limits);
  const { properties, streams } = planned;
  const { methods, refused } = planMethods(device.spec?.methods ?? []);
  const plan = {
    device: {
      id: keyOf(device),
      namespace: namespaceOf(device.namespace),
      name: device.name,
      model: model.name,
      config: configOf(device.spec?.protocol?.configData),
      properties: properties.map(({ property }) => property),
      streams,
    },
    ...{ properties, streams, methods },
    stateCycleMs: stateCycleOf(device.status, limits),
  };
  return { plan, refused: [...planned.refused, ...refused] };
}

function stateCycleOf(status: DmiDevice["status"], limits: PlanLimits): number | undefined {
  return status?.reportToCloud === true
    ? cycleMs(status.reportCycle, limits.stateCycleMs, limits)
    : undefined;
}

function planMethods(given: readonly DeviceMethod[]): {
  methods: readonly MethodPlan[];
  refused: readonly Refusal[];
} {
  const taken = new Map<string, MethodPlan>();
  const refused: Refusal[] = [];
  for (const { name, description, propertyNames } of given) {
    if (name === "") refused.push({ method: name, reason: "it has no name" });
    else if (taken.has(name)) refused.push({ method: name, reason: "given twice" });
    else taken.set(name, { name, description, propertyNames });
  }
  return { methods: [...taken.values()], refused };
}

/** Where a property is on its device. Its range, unit and access tell what may be done there. */
const placeOf = ({ name, type, config }: Device["properties"][number]): unknown => [name, type, config];

/**
 * Whether a plan needs another handle: the way to the device or to one of its properties has changed. Ranges, units
 * and streams come with each call.
 */
export function needsReopen(old: DevicePlan, next: DevicePlan): boolean {
  const way = ({ device: { config, model, properties } }: DevicePlan): unknown => [
    config,
    model,
    properties.map((property) => [placeOf(property), property.writable]),
  ];
  return !isDeepStrictEqual(way(old), way(next));
}

/** Whether a property is still the same place on the same device, so that what is known of it holds. */
export function isSameProperty(old: DevicePlan, next: DevicePlan, name: string): boolean {
  const place = ({ device, properties }: DevicePlan): unknown => {
    const found = properties.find(({ property }) => property.name === name);
    return found && [device.config, placeOf(found.property)];
  };
  return isDeepStrictEqual(place(old), place(next));
}
