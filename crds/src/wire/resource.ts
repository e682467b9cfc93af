// SPDX-License-Identifier: Apache-2.0
import { DEVICE_BATCH_RESOURCE } from "./device-batch.ts";
import { WireError } from "./errors.ts";
import { LIMITS } from "./limits.ts";

/** What a `route.resource` addresses. "" where the text has `null` or names none. */
export interface ResourcePath {
  readonly namespace: string;
  readonly type: string;
  readonly name: string;
}

/** Resources that are one word or a fixed path, not `<namespace>/<type>/<name>`. Their type is the text itself. */
const FIXED = new Set([
  "node",
  "null",
  "twin",
  "session",
  "membership",
  "membership/detail",
  "membership/detail/result",
  "k8s/ca.crt",
  "watchapp/sync",
  DEVICE_BATCH_RESOURCE,
  "ignore/Application/ignore",
]);
/** `device/<namespace>/<name>/<suffix>` has the type `device/<suffix>`. */
const DEVICE_SUFFIXES = new Set(["twin/edge_updated", "twin/cloud_updated", "state/update"]);
/** Orders and reports of jobs keep their whole path; the name is everything after the first segment. */
const WHOLE = new Map([
  ["operations.kubeedge.io", 8],
  ["upgrade", 4],
  ["prepull", 4],
  ["task", 4],
]);
/** Types that name no object: `<namespace>/<type>`. */
const NAMELESS = new Set(["podstatus", "podlist", "pod"]);

const SEGMENT = /^[A-Za-z0-9][A-Za-z0-9._:@+-]*$/;
const isSegment = (text: string): boolean =>
  text.length <= LIMITS.segmentChars && SEGMENT.test(text) && !text.includes("..");

const invalid = (): WireError => new WireError("INVALID_RESOURCE", "the resource is not well formed");

/**
 * Parses a resource as the wire writes it. Nothing is normalised or decoded: what is not plainly one of the
 * known forms is refused.
 *
 * @throws {WireError} INVALID_RESOURCE
 */
export function parseResource(text: string): ResourcePath {
  if (text.length === 0 || text.length > LIMITS.resourceChars) throw invalid();
  if (FIXED.has(text)) return { namespace: "", type: text, name: "" };
  const segments = text.split("/");
  if (!segments.every(isSegment)) throw invalid();
  const path = parseWhole(segments) ?? parseDevice(segments) ?? parseObject(segments);
  if (path === undefined) throw invalid();
  return path;
}

function parseWhole(segments: readonly string[]): ResourcePath | undefined {
  const [first = "", ...rest] = segments;
  const most = WHOLE.get(first);
  if (most === undefined || rest.length < 2 || segments.length > most) return undefined;
  return { namespace: "", type: first, name: rest.join("/") };
}

function parseDevice(segments: readonly string[]): ResourcePath | undefined {
  const [first, namespace = "", name = "", ...rest] = segments;
  const suffix = rest.join("/");
  if (first !== "device" || !DEVICE_SUFFIXES.has(suffix)) return undefined;
  return { namespace, type: `device/${suffix}`, name };
}

function parseObject(segments: readonly string[]): ResourcePath | undefined {
  const [namespace = "", type = "", name] = segments;
  if (segments.length === 2 && NAMELESS.has(type)) return { namespace: fromNull(namespace), type, name: "" };
  if (segments.length !== 3 || name === undefined) return undefined;
  return { namespace: fromNull(namespace), type, name };
}

const fromNull = (namespace: string): string => (namespace === "null" ? "" : namespace);

/**
 * Writes a resource as the wire has it; the inverse of `parseResource`.
 *
 * @throws {WireError} INVALID_RESOURCE when the parts do not make a resource
 */
export function formatResource(path: ResourcePath): string {
  const text = joinResource(path);
  const back = parseResource(text);
  if (back.namespace !== path.namespace || back.type !== path.type || back.name !== path.name)
    throw invalid();
  return text;
}

function joinResource({ namespace, type, name }: ResourcePath): string {
  if (namespace === "" && name === "" && FIXED.has(type)) return type;
  if (namespace === "" && WHOLE.has(type)) return `${type}/${name}`;
  if (type.startsWith("device/")) return `device/${namespace}/${name}/${type.slice("device/".length)}`;
  const prefix = `${namespace === "" ? "null" : namespace}/${type}`;
  return name === "" ? prefix : `${prefix}/${name}`;
}

/** Identity of one object in delivery and in the edge's store. */
export interface ObjectKey {
  /** Resource type of the wire: `pod`, `configmap`, `node`, … */
  readonly kind: string;
  /** "" for cluster-scoped objects */
  readonly namespace: string;
  readonly name: string;
}

/** Writes `kind/namespace/name`; the namespace of a cluster-scoped object is empty: `node//edge-1`. */
export function formatKey({ kind, namespace, name }: ObjectKey): string {
  return `${kind}/${namespace}/${name}`;
}

/**
 * Parses what `formatKey` writes.
 *
 * @throws {WireError} INVALID_RESOURCE
 */
export function parseKey(text: string): ObjectKey {
  const [kind = "", namespace = "", name = "", ...rest] = text.split("/");
  const isValid = isSegment(kind) && (namespace === "" || isSegment(namespace)) && isSegment(name);
  if (!isValid || rest.length > 0) throw invalid();
  return { kind, namespace, name };
}
