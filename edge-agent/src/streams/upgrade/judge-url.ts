// SPDX-License-Identifier: Apache-2.0
import { isIP } from "node:net";
import { StreamError } from "@longshore/crds/stream";

/** Where the runtime's streaming server waits for one stream. */
export interface StreamingAddress {
  /** an IP address of this machine */
  readonly host: string;
  readonly port: number;
  /** path and query, as they go on the request line */
  readonly path: string;
  /** as it goes in the Host header */
  readonly authority: string;
}

const MAX_URL_CHARS = 2048;
const HTTP_PORT = 80;

/** A server that listens at every address may name none of them: containerd then says `[::]`. */
const LOOPBACK_OF: ReadonlyMap<string, string> = new Map([
  ["localhost", "127.0.0.1"],
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

const refuse = (why: string): never => {
  throw new StreamError("INTERNAL", `the container runtime's streaming address is not used: ${why}`);
};

/**
 * Judges the URL that the runtime names for a stream: plain HTTP, on this machine. Nothing else is ever dialled.
 *
 * @param isOwn true for the addresses of this machine's interfaces, where a runtime may listen instead of on loopback
 * @throws {StreamError} INTERNAL
 */
export function judgeStreamingUrl(text: string, isOwn: (ip: string) => boolean): StreamingAddress {
  const url = parse(text);
  if (url.protocol !== "http:") refuse("only http is spoken; switch TLS of its streaming server off");
  if (url.username !== "" || url.password !== "") refuse("it names a user");
  const named = url.hostname.replace(/^\[|\]$/g, "");
  const host = LOOPBACK_OF.get(named) ?? named;
  if (isIP(host) === 0) refuse("its host is a name");
  if (!isLoopback(host) && !isOwn(host)) refuse("its host is another machine");
  return {
    host,
    port: url.port === "" ? HTTP_PORT : Number(url.port),
    path: `${url.pathname}${url.search}`,
    authority: url.host,
  };
}

const parse = (text: string): URL =>
  text.length <= MAX_URL_CHARS && URL.canParse(text) ? new URL(text) : refuse("it is no URL");

const isLoopback = (ip: string): boolean => ip === "::1" || ip.startsWith("127.");
