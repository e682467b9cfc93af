// SPDX-License-Identifier: Apache-2.0
import type { Value } from "../driver.ts";
import { MapperError } from "../errors.ts";
import { parseDesired } from "../values/convert.ts";
import type { PropertyPlan } from "./properties.ts";

/**
 * The desired value of a property, as its model allows it.
 *
 * @throws {MapperError} VALUE_INVALID: it must not be written
 */
export function allowedValue({ desired, property }: PropertyPlan): Value {
  if (!property.writable) throw new MapperError("VALUE_INVALID", "the property is read-only");
  return parseDesired(desired, property);
}

/** Whether the model allows the desired value. */
export function isAllowed(plan: PropertyPlan): boolean {
  try {
    allowedValue(plan);
    return true;
  } catch {
    return false; // why is told when it is refused
  }
}
