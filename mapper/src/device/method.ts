// SPDX-License-Identifier: Apache-2.0
// Calls of device methods, checked before they reach a driver. Pure.
import type { MethodCall, Value } from "../driver.ts";
import { MapperError, reasonOf } from "../errors.ts";
import { FleetError, type DeviceMethodInfo } from "../rest/port.ts";
import { parseDesired } from "../values/convert.ts";
import type { DevicePlan, MethodPlan } from "./plan.ts";
import type { PropertyPlan } from "./properties.ts";

/** A call as it was asked for. */
export interface MethodRequest {
  readonly name: string;
  readonly property: string;
  /** The value as it was typed. */
  readonly text: string;
}

/** @throws {FleetError} NOT_FOUND, INVALID, READ_ONLY */
export function checkCall(plan: DevicePlan, request: MethodRequest, maxValueBytes: number): MethodCall {
  const method = plan.methods.find(({ name }) => name === request.name);
  if (!method) throw new FleetError("NOT_FOUND", "the device has no method of this name");
  const { property } = propertyOf(plan, method, request.property);
  if (!property.writable) throw new FleetError("READ_ONLY", "the property is read-only");
  if (Buffer.byteLength(request.text) > maxValueBytes)
    throw new FleetError("INVALID", "the value is too long");
  try {
    return { method: method.name, property, value: parseDesired(request.text, property) };
  } catch (error) {
    throw error instanceof MapperError ? new FleetError("INVALID", reasonOf(error), { cause: error }) : error;
  }
}

function propertyOf({ properties }: DevicePlan, method: MethodPlan, name: string): PropertyPlan {
  if (!method.propertyNames.includes(name))
    throw new FleetError("INVALID", "the property is not the method's");
  const found = properties.find(({ property }) => property.name === name);
  if (!found) throw new FleetError("NOT_FOUND", "the device has no property of this name");
  return found;
}

/** The methods of a device, each with those of its properties that the device has. */
export const methodInfos = ({ methods, properties }: DevicePlan): readonly DeviceMethodInfo[] =>
  methods.map(({ name, description, propertyNames }) => ({
    name,
    description,
    properties: properties
      .filter(({ property }) => propertyNames.includes(property.name))
      .map(({ property }) => ({ name: property.name, type: property.type })),
  }));

/** What a method returned, as a twin would carry it. @throws {MapperError} VALUE_INVALID when it is no value */
export function textOf(returned: unknown): string | undefined {
  if (returned === undefined || returned === null) return undefined;
  if (returned instanceof Uint8Array) return Buffer.from(returned).toString("base64");
  if (typeof returned === "string" || isPlain(returned)) return String(returned);
  throw new MapperError("VALUE_INVALID", `the driver returned a value of JavaScript type ${typeof returned}`);
}

const isPlain = (value: unknown): value is Exclude<Value, string | Uint8Array> =>
  typeof value === "number" || typeof value === "bigint" || typeof value === "boolean";
