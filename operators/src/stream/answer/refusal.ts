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

/** A whole HTTP answer, for a connection that was to become something else. */
export function rawAnswer({ status, text }: Refusal): string {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "content-type: text/plain; charset=utf-8",
    `content-length: ${Buffer.byteLength(text)}`,
    "connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${text}`;
}
