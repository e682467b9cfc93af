// SPDX-License-Identifier: Apache-2.0
import { WireError } from "./errors.ts";
import type { Frame, FrameHeader, FrameRoute } from "./frame.ts";
import { DEFAULT_WIRE_LIMITS, LIMITS, type WireLimits } from "./limits.ts";
import { scanObject } from "./scan.ts";
import { isResourceVersion } from "./version.ts";

type Fields = Readonly<Record<string, unknown>>;

const HEADER_TEXTS = ["msg_id", "parent_msg_id", "resourceversion", "type", "digest"] as const;
const ROUTE_TEXTS = ["source", "destination", "group", "operation", "resource"] as const;

/**
 * Decodes one frame. Only the first JSON value of the text counts, as with Go. Missing header fields become
 * "" and 0; unknown ones are left out.
 *
 * @throws {WireError} any code but INVALID_RESOURCE; the resource is judged by `parseResource`
 */
export function decodeFrame(data: Uint8Array | string, limits?: Partial<WireLimits>): Frame {
  const document = parseObject(data, limits);
  const header = decodeHeader(document["header"]);
  const route = decodeRoute(document["route"], header.msg_id);
  return { header, route, content: document["content"] ?? null };
}

/**
 * Parses a text that must be one JSON object, with the limits and forbidden keys of a frame. For content that
 * travels as a string with JSON in it, such as patches, and that the frame's own check therefore did not see.
 *
 * @throws {WireError} any code but BAD_FIELD, BAD_RESOURCE_VERSION and INVALID_RESOURCE
 */
export function parseObject(data: Uint8Array | string, limits?: Partial<WireLimits>): Fields {
  const all = limits === undefined ? DEFAULT_WIRE_LIMITS : { ...DEFAULT_WIRE_LIMITS, ...limits };
  const bytes = asBuffer(data);
  if (bytes.length > all.frameBytes) throw new WireError("TOO_LARGE", "the text is too large");
  const { start, end } = scanObject(bytes, all);
  return parse(bytes.toString("utf8", start, end));
}

function asBuffer(data: Uint8Array | string): Buffer {
  if (typeof data === "string") return Buffer.from(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function parse(text: string): Fields {
  try {
    return JSON.parse(text) as Fields;
  } catch {
    // JSON.parse quotes the text in its message, which may be a secret
    throw new WireError("MALFORMED", "the document is no JSON");
  }
}

function decodeHeader(value: unknown): FrameHeader {
  const fields = asFields(value, "header");
  const { msg_id } = fields;
  const id = typeof msg_id === "string" && msg_id.length <= LIMITS.textChars ? msg_id : undefined;
  const texts = pickTexts(fields, HEADER_TEXTS, id);
  const { timestamp = 0, sync } = fields;
  if (typeof timestamp !== "number") throw badField("header.timestamp", id);
  if (sync !== undefined && typeof sync !== "boolean") throw badField("header.sync", id);
  if (texts.resourceversion !== undefined && !isResourceVersion(texts.resourceversion))
    throw new WireError("BAD_RESOURCE_VERSION", "header.resourceversion is no resource version", id);
  return { msg_id: "", ...texts, timestamp, ...(sync === undefined ? {} : { sync }) };
}

function decodeRoute(value: unknown, id: string): FrameRoute {
  return pickTexts(asFields(value, "route", id), ROUTE_TEXTS, id);
}

function asFields(value: unknown, name: string, id?: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badField(name, id);
  return value as Fields;
}

function pickTexts<K extends string>(
  fields: Fields,
  names: readonly K[],
  id?: string,
): Partial<Record<K, string>> {
  const picked: Partial<Record<K, string>> = {};
  for (const name of names) {
    const value = fields[name];
    if (value === undefined) continue;
    // The resource has its own limit, and its own refusal.
    const isLong = name !== "resource" && typeof value === "string" && value.length > LIMITS.textChars;
    if (typeof value !== "string" || isLong) throw badField(name, id);
    picked[name] = value;
  }
  return picked;
}

const badField = (name: string, id?: string): WireError =>
  new WireError("BAD_FIELD", `the field ${name} has a wrong type, or is too long`, id);
