// SPDX-License-Identifier: Apache-2.0
export { failureStatus, failureText, unsaidText } from "./failure.ts";
export { GATE_LIMITS, LastWordGate, type GateLimits } from "./gate.ts";
