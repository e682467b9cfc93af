// SPDX-License-Identifier: Apache-2.0
import type { Frame, HelloReply } from "@longshore/crds/wire";

const MIN_INTERVAL_MS = 1_000;
const MAX_INTERVAL_MS = 600_000;

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isInterval(value: unknown): value is number {
  return isCount(value) && value >= MIN_INTERVAL_MS && value <= MAX_INTERVAL_MS;
}

/** Undefined when the frame is not a well-formed answer to `hello`. */
export function readHelloReply(frame: Frame): HelloReply | undefined {
  const content: unknown = frame.content;
  const isObject = typeof content === "object" && content !== null;
  return isObject && frame.route.operation === "response" ? readFields(content) : undefined;
}

function readFields(content: Partial<HelloReply>): HelloReply | undefined {
  const { sessionEpoch, clusterEpoch, inventory, pingIntervalMs, keepaliveIntervalMs, leaseDurationSeconds } =
    content;
  if (!isCount(sessionEpoch) || !isCount(clusterEpoch) || !isCount(leaseDurationSeconds)) return undefined;
  if (!isInterval(pingIntervalMs) || !isInterval(keepaliveIntervalMs)) return undefined;
  if (inventory !== "match" && inventory !== "send") return undefined;
  const { streams, deviceBatch } = content;
  return {
    sessionEpoch,
    clusterEpoch,
    inventory,
    pingIntervalMs,
    keepaliveIntervalMs,
    leaseDurationSeconds,
    ...(isCount(streams) && { streams }),
    ...(isCount(deviceBatch) && { deviceBatch }),
  };
}
