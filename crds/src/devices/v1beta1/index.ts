// SPDX-License-Identifier: Apache-2.0
export { duplicateProperties, type RuleViolation } from "./rules.ts";
