// SPDX-License-Identifier: Apache-2.0
import { readFields, readList, readText, refuseField } from "./validate-fields.ts";
import type { Upgrade } from "./request.ts";

/** What of an upgrade request reaches the runtime's streaming server; all else stays with whoever took it. */
export const UPGRADE_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "upgrade",
  "x-stream-protocol-version",
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
  "content-length",
]);

/** Protocols of kubectl's streams, by the name in `Upgrade:`, in lower case. */
const PROTOCOLS = new Set(["spdy/3.1", "websocket"]);

/** Entries, and characters of one value. */
const MAX_HEADERS = 32;
const MAX_VALUE_CHARS = 1024;
const KNOWN = new Set(["method", "headers"]);
const VALUE = /^[\t\x20-\x7e]*$/;

type Header = readonly [name: string, value: string];

/** Judges an upgrade request that is handed to the runtime's streaming server. @throws {StreamError} BAD_REQUEST */
export function readUpgrade(value: unknown): Upgrade {
  const fields = readFields("upgrade", value, KNOWN);
  const method = readText("upgrade.method", fields["method"]);
  if (method !== "GET" && method !== "POST") refuseField("upgrade.method", "must be GET or POST");
  const headers = readList("upgrade.headers", fields["headers"], MAX_HEADERS).map(readHeader);
  // Without an upgrade the server below would go on to read requests from the bytes that follow.
  if (!asksForUpgrade(headers)) refuseField("upgrade.headers", "must ask for SPDY/3.1 or websocket");
  return { method, headers };
}

function readHeader(value: unknown): Header {
  const entry = readList("upgrade.headers[]", value, 2);
  const name = readText("upgrade.headers[].name", entry[0]);
  const text = readText(`upgrade.headers[${UPGRADE_HEADERS.has(name) ? name : "?"}]`, entry[1]);
  if (!UPGRADE_HEADERS.has(name)) refuseField("upgrade.headers[].name", "must be a header of an upgrade");
  if (text.length > MAX_VALUE_CHARS || !VALUE.test(text))
    refuseField(`upgrade.headers[${name}]`, `must be at most ${MAX_VALUE_CHARS} printable characters`);
  if (name === "content-length" && text !== "0") refuseField("upgrade.headers[content-length]", "must be 0");
  return [name, text];
}

/** As the API server's proxy sees an upgrade, whatever to; it hands on such a request as the user sent it. */
export const looksLikeUpgrade = (headers: readonly Header[]): boolean =>
  headers.some(([name, value]) => name === "connection" && value.toLowerCase().includes("upgrade"));

/** Exactly one known protocol is asked for, and the connection is to become it. */
export function asksForUpgrade(headers: readonly Header[]): boolean {
  const valuesOf = (name: string): string[] =>
    headers.filter(([n]) => n === name).map(([, v]) => v.trim().toLowerCase());
  const [protocol = "", ...others] = valuesOf("upgrade");
  const tokens = valuesOf("connection").flatMap((value) => value.split(",").map((token) => token.trim()));
  return PROTOCOLS.has(protocol) && others.length === 0 && tokens.includes("upgrade");
}
