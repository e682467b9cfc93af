// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "pino";

/** What the agent's parts need of a logger. Constant message, variable fields; never tokens or payloads. */
export type AgentLog = Pick<Logger, "error" | "warn" | "info" | "debug">;
