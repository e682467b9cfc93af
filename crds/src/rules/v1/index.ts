// SPDX-License-Identifier: Apache-2.0
export { schemas } from "./schema.gen.ts";
export type { Rule, RuleEndpoint, RuleEndpointSpec, RuleSpec, RuleStatus } from "./types.gen.ts";
