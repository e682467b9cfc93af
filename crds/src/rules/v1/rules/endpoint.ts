// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "../../../devices/v1beta1/rules.ts";
import type { RuleEndpointSpec } from "../types.gen.ts";

/** As KubeEdge reads it: a sign and leading zeros are taken. */
const PORT = /^\+?0*([1-9]\d{0,4})$/;
const MAX_PORT = 65_535;

/** The port that a servicebus asks on its node; undefined when the property is missing or is no port. */
export function servicePortOf({ properties = {} }: Pick<RuleEndpointSpec, "properties">): number | undefined {
  const [, digits = ""] = PORT.exec(properties["service_port"] ?? "") ?? [];
  const port = Number(digits);
  return port >= 1 && port <= MAX_PORT ? port : undefined;
}

/** What KubeEdge's webhook refuses in a RuleEndpoint. */
export function endpointFaults(spec: RuleEndpointSpec): RuleViolation[] {
  if (spec.ruleEndpointType !== "servicebus" || servicePortOf(spec) !== undefined) return [];
  const message = `a servicebus needs the property service_port, 1 to ${MAX_PORT}`;
  return [{ field: "spec.properties.service_port", message }];
}
