// SPDX-License-Identifier: Apache-2.0
export { createCheckItems, createUsageProbe, MAX_USAGE, type CheckItems, type UsageProbe } from "./checks.ts";
export { createJobs, DEFAULT_JOBS_OPTIONS, type Jobs, type JobsDeps, type JobsOptions } from "./engine.ts";
export type { Confirmations, Order, StepContext, StepOutcome, StepRunner } from "./port.ts";
export { TASK_BUCKET } from "./records.ts";
