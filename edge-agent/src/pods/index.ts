// SPDX-License-Identifier: Apache-2.0
export { createPodEngine } from "./engine.ts";
export { PodError, type PodErrorCode } from "./model/index.ts";
export type { PodEngine, PodEngineDeps, PodEngineOptions } from "./port.ts";
