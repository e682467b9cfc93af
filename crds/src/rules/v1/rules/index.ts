// SPDX-License-Identifier: Apache-2.0
export { endpointFaults, servicePortOf } from "./endpoint.ts";
export { pathFault, segmentsOf } from "./path.ts";
export { isSameSource, ruleFaults, ruleHazards, type Ends, type EndpointType } from "./rule.ts";
