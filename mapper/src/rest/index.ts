// SPDX-License-Identifier: Apache-2.0
// What programs beside a mapper ask of its devices, over HTTP.
export {
  FleetError,
  type DeviceMethodInfo,
  type FleetApi,
  type FleetErrorCode,
  type ModelInfo,
  type Reading,
} from "./port.ts";
export { DEFAULT_REST_LIMITS, serveRest, type RestLimits, type RestServer } from "./serve.ts";
