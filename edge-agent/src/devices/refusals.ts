// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";
import type { DmiObserver } from "../dmi/port.ts";
import type { AgentLog } from "../log.ts";
import type { DeviceMetrics } from "./metrics.ts";

const LOG_INTERVAL_MS = 60_000;

/** Counts every call of a mapper, and logs each way of being refused once a minute: a mapper may repeat it forever. */
export function createObserver(
  clock: Clock,
  log: AgentLog,
  metrics: Pick<DeviceMetrics, "requests">,
): DmiObserver {
  const told = new Map<string, number>();
  return (method, code, reason = "") => {
    metrics.requests.inc({ method, code, reason });
    if (code === "OK") return;
    const key = `${method} ${code} ${reason}`;
    const nowMs = clock.monotonicMs();
    if (nowMs - (told.get(key) ?? -Infinity) < LOG_INTERVAL_MS) return;
    told.set(key, nowMs);
    log.warn({ method, code, reason }, "a mapper's call is refused");
  };
}
