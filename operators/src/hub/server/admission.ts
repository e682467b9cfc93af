// SPDX-License-Identifier: Apache-2.0
import type { IncomingHttpHeaders } from "node:http";

/** Why an upgrade is answered without a WebSocket. */
export interface Refusal {
  readonly status: number;
  /** Label of the metric and text of the answer. */
  readonly text: string;
  readonly retryAfterSeconds?: number;
}

/**
 * Judges the form of an upgrade request. Neither EdgeCore nor our agent is a browser (no Origin), or asks for a
 * sub-protocol (B44).
 */
export function admit(request: { isUpgrade: boolean; headers: IncomingHttpHeaders }): Refusal | undefined {
  const { headers } = request;
  if (!request.isUpgrade || headers["sec-websocket-version"] !== "13")
    return { status: 426, text: "upgrade_required" };
  if (headers.origin !== undefined) return { status: 403, text: "origin" };
  if (headers["sec-websocket-protocol"] !== undefined) return { status: 400, text: "subprotocol" };
  return undefined;
}
