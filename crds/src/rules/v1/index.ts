// SPDX-License-Identifier: Apache-2.0
export {
  endpointFaults,
  isSameSource,
  pathFault,
  ruleFaults,
  ruleHazards,
  segmentsOf,
  servicePortOf,
  type Ends,
  type EndpointType,
} from "./rules/index.ts";
export { schemas } from "./schema.gen.ts";
export type { Rule, RuleEndpoint, RuleEndpointSpec, RuleSpec, RuleStatus } from "./types.gen.ts";
