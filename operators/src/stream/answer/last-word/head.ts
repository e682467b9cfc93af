// SPDX-License-Identifier: Apache-2.0
import type { Frames } from "./frames.ts";
import { SpdyFrames } from "./spdy.ts";
import { WebSocketFrames } from "./websocket.ts";

/** Those that carry a Status where errors go; before, it was plain text that nobody took for a failure of ours. */
const WITH_STATUS: ReadonlySet<string> = new Set(["v4.channel.k8s.io", "v5.channel.k8s.io"]);

/**
 * What follows the answer to an upgrade of exec or attach.
 *
 * @param head status line and headers
 * @returns undefined when it is nothing that a last word can be said in
 */
export function framesAfter(head: string): Frames | undefined {
  const [status = "", ...lines] = head.split("\r\n");
  if (!/^HTTP\/1\.1 101(?: |$)/.test(status)) return undefined;
  const headers = new Map(lines.map(readHeader));
  const has = (name: string): boolean => WITH_STATUS.has(headers.get(name) ?? "");
  const upgrade = headers.get("upgrade")?.toLowerCase();
  if (upgrade === "spdy/3.1" && has("x-stream-protocol-version")) return new SpdyFrames();
  // With an extension, frames may mean something else.
  if (headers.has("sec-websocket-extensions")) return undefined;
  return upgrade === "websocket" && has("sec-websocket-protocol") ? new WebSocketFrames() : undefined;
}

function readHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(":");
  return [line.slice(0, Math.max(colon, 0)).trim().toLowerCase(), line.slice(colon + 1).trim()];
}
