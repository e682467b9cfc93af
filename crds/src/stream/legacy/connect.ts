// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "../errors.ts";
import type { KubeletRequest } from "../kubelet-path.ts";

/** Where EdgeCore's own kubelet listens; the tunnel carries URLs of it. */
const KUBELET_HOST = "127.0.0.1:10350";
const LOOPBACK = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/;
/** Header lines of one request. */
const MAX_HEADERS = 128;

/** What opens a stream in KubeEdge's tunnel. */
export interface TunnelConnect {
  /** Said twice: in the message's head, and here, from where EdgeCore takes it for its answers. */
  readonly connection: number;
  /** Of exec and attach; the others are GETs and do not say. */
  readonly method?: "GET" | "POST";
  /** Decoded, without an encoded slash in it. */
  readonly path: string;
  /** Without a question mark. */
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Writes a request as Go's url.URL and http.Header are written in JSON. */
export function encodeConnect(connect: TunnelConnect): Buffer {
  const { connection, path, query, method } = connect;
  const url = {
    Scheme: "http",
    Opaque: "",
    User: null,
    Host: KUBELET_HOST,
    Path: path,
    RawPath: "",
    OmitHost: false,
    ForceQuery: false,
    RawQuery: query,
    Fragment: "",
    RawFragment: "",
  };
  const value = { MessID: connection, url, header: toGoHeader(connect.headers), method };
  return Buffer.from(JSON.stringify(value));
}

function toGoHeader(headers: TunnelConnect["headers"]): Record<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase().replaceAll(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  return Object.fromEntries(values);
}

/**
 * Reads the request that opens a stream; what it asks for is for `readKubeletRequest` to judge.
 *
 * @throws {StreamError} BAD_REQUEST, FORBIDDEN when the URL is not of the node's own kubelet (S25)
 */
export function decodeConnect(payload: Buffer): KubeletRequest {
  const { url, header, method = "" } = asRecord(parse(payload));
  const { Scheme, Opaque, Host, Path, RawPath, RawQuery } = asRecord(url);
  const isOwn = Scheme === "http" && (Opaque ?? "") === "" && LOOPBACK.test(asText(Host));
  if (!isOwn) throw new StreamError("FORBIDDEN", "only the node's own kubelet is reached through the tunnel");
  const path = asText(RawPath) || asText(Path).split("/").map(encodeURIComponent).join("/");
  const query = asText(RawQuery);
  return {
    method: asText(method) || "GET",
    url: query === "" ? path : `${path}?${query}`,
    headers: readGoHeader(header),
  };
}

function parse(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch (cause) {
    throw new StreamError("BAD_REQUEST", "the request is not JSON", { cause });
  }
}

function readGoHeader(header: unknown): [string, string][] {
  if (header === undefined || header === null) return [];
  const pairs = Object.entries(asRecord(header)).flatMap(([name, values]) =>
    asList(values).map((value): [string, string] => [name, asText(value)]),
  );
  if (pairs.length > MAX_HEADERS) throw new StreamError("BAD_REQUEST", "the request has too many headers");
  return pairs;
}

const refuse = (): never => {
  throw new StreamError("BAD_REQUEST", "the request is not as KubeEdge writes it");
};

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse();
  return value as Record<string, unknown>;
}

const asText = (value: unknown): string =>
  typeof value === "string" ? value : value === undefined ? "" : refuse();

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : refuse());
