// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "./errors.ts";
import { firstOf, formatQuery, parseQuery, splitUrl, toFlag, toNumber, type Query } from "./kubelet-url.ts";
import { READS, type LogOptions, type StreamRequest, type Upgrade } from "./request.ts";
import { asksForUpgrade, looksLikeUpgrade, UPGRADE_HEADERS } from "./validate-upgrade.ts";
import { isSubdomain } from "./validate-fields.ts";
import { readStreamRequest } from "./validate.ts";

/** A request as a kubelet gets it. */
export interface KubeletRequest {
  readonly method: string;
  /** Path and query as they came, not decoded. */
  readonly url: string;
  /** As they came, in any case; `headerPairs` makes them of Node's rawHeaders. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What a kubelet's request means. */
export interface KubeletCall {
  /** Named by the path or by the API server's proxy; else the pod says where it is. */
  readonly node?: string;
  readonly request: StreamRequest;
}

/** A request for a kubelet. `query` has no question mark and may be "". */
export interface KubeletUrl {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly query: string;
}

/** Node's `rawHeaders` as pairs. */
export function headerPairs(rawHeaders: readonly string[]): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    pairs.push([rawHeaders[i] ?? "", rawHeaders[i + 1] ?? ""]);
  return pairs;
}

/**
 * Reads a request of the kubelet's HTTP API, as the API server makes it.
 *
 * The uid of a pod is "" unless the path names it. A node comes from a `/nodes/<node>/` in front, or from the
 * X-Forwarded-Uri that the API server's proxy sets on plain requests; on an upgrade it hands on what the user sent there.
 *
 * @throws {StreamError} BAD_REQUEST, FORBIDDEN when path and proxy name different nodes, NOT_FOUND for another path
 */
export function readKubeletRequest(asked: KubeletRequest): KubeletCall {
  const { path, query } = splitUrl(asked.url);
  const headers = asked.headers.map(([name, value]) => [name.toLowerCase(), value] as const);
  const { node: named, rest } = takeNode(path);
  const isUpgrade = asksForUpgrade(headers);
  // Neither an upgrade for the paths that have one, nor a plain request whose X-Forwarded-Uri is the API server's.
  if (!isUpgrade && looksLikeUpgrade(headers))
    throw new StreamError("BAD_REQUEST", "an upgrade must be to SPDY/3.1 or websocket");
  const node = oneNode(named, isUpgrade ? undefined : proxiedNode(headers));
  const request = readStreamRequest(toRequest({ method: asked.method, headers, rest, query }));
  return { ...(node === undefined ? {} : { node }), request };
}

interface Parts {
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly rest: readonly string[];
  readonly query: string;
}

function takeNode(path: readonly string[]): { node: string | undefined; rest: readonly string[] } {
  const [first, node, ...rest] = path;
  if (first !== "nodes" || node === undefined) return { node: undefined, rest: path };
  if (!isSubdomain(node)) throw new StreamError("BAD_REQUEST", "the path does not name a node");
  return { node, rest };
}

/** The API server allows `nodes/<scheme>:<node>:<port>/proxy` too. */
const PROXIED = /^\/api\/v1\/nodes\/(?:https?:)?([a-z0-9.-]+)(?::\d*)?\/proxy(?:\/|$)/;

function proxiedNode(headers: Parts["headers"]): string | undefined {
  const [uri, ...others] = headers.filter(([name]) => name === "x-forwarded-uri").map(([, value]) => value);
  if (uri === undefined) return undefined;
  const node = PROXIED.exec(uri)?.[1] ?? "";
  if (others.length > 0 || !isSubdomain(node))
    throw new StreamError("BAD_REQUEST", "X-Forwarded-Uri does not name a node");
  return node;
}

function oneNode(named: string | undefined, proxied: string | undefined): string | undefined {
  if (named !== undefined && proxied !== undefined && named !== proxied)
    throw new StreamError(
      "FORBIDDEN",
      `the path asks for node ${named} through the proxy of node ${proxied}`,
    );
  return named ?? proxied;
}

interface Verb {
  /** Segments after the verb. */
  readonly names: readonly number[];
  readonly read: (names: readonly string[], parts: Parts) => unknown;
}

const VERBS: ReadonlyMap<string | undefined, Verb> = new Map([
  ["containerLogs", { names: [3], read: toLogs }],
  ["exec", { names: [3, 4], read: toExec }],
  ["attach", { names: [3, 4], read: toAttach }],
  ["portForward", { names: [2, 3], read: toPortForward }],
]);

function toRequest(parts: Parts): unknown {
  const [first, ...names] = parts.rest;
  const verb = VERBS.get(first);
  if (verb?.names.includes(names.length)) return verb.read(names, parts);
  const what = READS.find((known) => known === parts.rest.join("/"));
  if (what === undefined) throw new StreamError("NOT_FOUND", "there is nothing under this path");
  needGet(parts);
  return { verb: "read", what };
}

function needGet({ method, headers }: Parts): void {
  if (method !== "GET") throw new StreamError("BAD_REQUEST", "this path answers to GET only");
  if (asksForUpgrade(headers)) throw new StreamError("BAD_REQUEST", "this path has no upgrade");
}

function toLogs([namespace, pod, container]: readonly string[], parts: Parts): unknown {
  needGet(parts);
  const options = toLogOptions(parseQuery(parts.query));
  return { verb: "logs", namespace, pod, uid: "", container, options };
}

const STREAM_OF: Readonly<Record<string, LogOptions["stream"]>> = {
  "": undefined,
  All: undefined,
  Stdout: "stdout",
  Stderr: "stderr",
};

function toLogOptions(query: Query): LogOptions {
  const stream = firstOf(query, "stream") ?? "";
  if (!Object.hasOwn(STREAM_OF, stream))
    throw new StreamError("BAD_REQUEST", "stream must be All, Stdout or Stderr");
  const options = {
    follow: toFlag(query, "follow"),
    previous: toFlag(query, "previous"),
    timestamps: toFlag(query, "timestamps"),
    tailLines: toNumber(query, "tailLines"),
    sinceSeconds: toNumber(query, "sinceSeconds"),
    sinceTime: firstOf(query, "sinceTime") || undefined,
    limitBytes: toNumber(query, "limitBytes"),
    stream: STREAM_OF[stream],
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** `[ns, pod, container]` or `[ns, pod, uid, container]` */
function toTarget(names: readonly string[]): unknown {
  const [namespace, pod] = names;
  return { namespace, pod, uid: names.length === 4 ? names[2] : "", container: names.at(-1) };
}

function toExec(names: readonly string[], parts: Parts): unknown {
  const query = parseQuery(parts.query);
  const command = query.filter(([name]) => name === "command").map(([, value]) => value);
  return {
    verb: "exec",
    ...(toTarget(names) as object),
    command,
    ...toStreams(query),
    upgrade: toUpgrade(parts),
  };
}

function toAttach(names: readonly string[], parts: Parts): unknown {
  const query = parseQuery(parts.query);
  return {
    verb: "attach",
    ...(toTarget(names) as object),
    ...toStreams(query),
    upgrade: toUpgrade(parts),
  };
}

function toPortForward(names: readonly string[], parts: Parts): unknown {
  const [namespace, pod, uid = ""] = names;
  const ports = parseQuery(parts.query)
    .filter(([name]) => name === "port")
    .flatMap(([, value]) => value.split(","))
    .map((port) => (/^\d{1,5}$/.test(port) ? Number(port) : port));
  return { verb: "portForward", namespace, pod, uid, ports, upgrade: toUpgrade(parts) };
}

/** A terminal has one output, so the kubelet leaves stderr out when there is one. */
function toStreams(query: Query): { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean } {
  const isSet = (...names: string[]): boolean =>
    names.some((name) => ["1", "true"].includes(firstOf(query, name) ?? ""));
  const tty = isSet("tty");
  return {
    stdin: isSet("input", "stdin"),
    stdout: isSet("output", "stdout"),
    stderr: isSet("error", "stderr") && !tty,
    tty,
  };
}

function toUpgrade({ method, headers }: Parts): Upgrade {
  if (!asksForUpgrade(headers))
    throw new StreamError("BAD_REQUEST", "this path needs an upgrade to SPDY/3.1 or websocket");
  if (headers.some(([name]) => name === "transfer-encoding"))
    throw new StreamError("BAD_REQUEST", "an upgrade has no body");
  const kept = headers.filter(([name]) => UPGRADE_HEADERS.has(name));
  return { method: method as Upgrade["method"], headers: kept };
}

/** The request of the kubelet's HTTP API that means the same, for a node that speaks only that. */
export function kubeletUrl(request: StreamRequest): KubeletUrl {
  if (request.verb === "read") return { method: "GET", path: `/${request.what}`, query: "" };
  const pod = `${request.namespace}/${request.pod}`;
  if (request.verb === "logs") {
    const path = `/containerLogs/${pod}/${request.container}`;
    return { method: "GET", path, query: formatQuery(logParameters(request.options)) };
  }
  const { method } = request.upgrade;
  const withUid = request.uid === "" ? pod : `${pod}/${encodeURIComponent(request.uid)}`;
  if (request.verb === "portForward") {
    const query = formatQuery(request.ports.map((port) => ["port", String(port)]));
    return { method, path: `/portForward/${withUid}`, query };
  }
  const query = formatQuery([...streamParameters(request), ...commandParameters(request)]);
  return { method, path: `/${request.verb}/${withUid}/${request.container}`, query };
}

function logParameters({ stream, ...options }: LogOptions): [string, string][] {
  const parameters = Object.entries(options)
    .filter(([, value]) => value !== false)
    .map(([name, value]): [string, string] => [name, String(value)]);
  if (stream !== undefined) parameters.push(["stream", stream === "stdout" ? "Stdout" : "Stderr"]);
  return parameters;
}

type Streams = Extract<StreamRequest, { stdin: boolean }>;

function streamParameters({ stdin, stdout, stderr, tty }: Streams): [string, string][] {
  const flags = { input: stdin, output: stdout, error: stderr, tty };
  return Object.entries(flags)
    .filter(([, isSet]) => isSet)
    .map(([name]) => [name, "1"]);
}

const commandParameters = (request: Streams): [string, string][] =>
  request.verb === "exec" ? request.command.map((arg) => ["command", arg]) : [];
