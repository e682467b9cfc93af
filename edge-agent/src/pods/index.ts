// SPDX-License-Identifier: Apache-2.0
export { createPodEngine, type PodEngine, type PodEngineDeps, type PodEngineOptions } from "./engine.ts";
export { PodError, type PodErrorCode } from "./errors.ts";
