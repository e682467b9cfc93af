// SPDX-License-Identifier: Apache-2.0
export { noteExit, remainingMs, restartDelayMs, type RestartHistory } from "./backoff.ts";
export { isInitialized } from "./init.ts";
export { plan } from "./plan.ts";
export { restartPolicy } from "./rules.ts";
export type { Action, Plan, PlanInput, PodEnd, ProbeResults, Wait, Want } from "./types.ts";
