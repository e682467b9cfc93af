// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "@longshore/crds/stream";
import { STATUS_CODES } from "node:http";

/** What the API server gets instead of a stream. */
export interface Refusal {
  readonly status: number;
  /** plain text, as a kubelet's */
  readonly text: string;
}

/** Statuses that mean to the API server what they mean to us; of all others only a 500's text reaches kubectl. */
const KEPT: ReadonlySet<number> = new Set([400, 403, 404, 429]);

export const refusalOf = ({ status, message }: StreamError): Refusal => ({
  status: KEPT.has(status) ? status : 500,
  text: message,
});

const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  403: "Forbidden",
  404: "NotFound",
  429: "TooManyRequests",
};

/**
 * A whole HTTP answer, for a connection that was to become something else. Of an upgrade, the API server and kubectl
 * read a Status; plain text with a colon in it they take for YAML, and lose.
 */
export function rawAnswer({ status, text }: Refusal): string {
  const body = JSON.stringify({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: text,
    reason: REASONS[status] ?? "InternalError",
    code: status,
  });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
