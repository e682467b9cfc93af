// SPDX-License-Identifier: Apache-2.0
import type { BatchSample, BatchTwin, DeviceEntry } from "@longshore/crds/wire";
import { bad, type Fields, fieldsAt, isFields, objectOf, textAt } from "./handler/index.ts";

/** One value of a property, as an edge tells it. */
export interface ReportedValue {
  readonly value: string;
  /** by the edge's own clock */
  readonly timestampMs?: number;
  /** When it was sent, by the same clock; absent where that is not told apart from when it held. */
  readonly sentAtMs?: number;
  readonly type?: string;
}

/** One property of a device. */
export interface PropertyReport {
  /** what the device shows */
  readonly reported?: ReportedValue;
  /** the wish that the edge has seen */
  readonly observedDesired?: ReportedValue;
}

/** State of a device, and why. */
export interface LifeReport {
  readonly state: string;
  /** RFC 3339 */
  readonly lastOnlineTime?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly mapper?: string;
}

/** What was told about a device. */
export interface DeviceReport {
  readonly properties: ReadonlyMap<string, PropertyReport>;
  readonly life?: LifeReport;
  /** Entries that were left out, by reason. */
  readonly skipped: Skipped;
}

export type SkipReason = "empty" | "name" | "value_too_long" | "stale" | "too_many" | "too_large";
export type Skipped = Partial<Readonly<Record<SkipReason, number>>>;

/** Longest value of a property: what fits a thousand times into an object of etcd is 1 KiB; few are that long. */
const MAX_VALUE_CHARS = 16 * 1024;
const MAX_NAME_CHARS = 253;
const MAX_TYPE_CHARS = 64;
const STATES: ReadonlySet<string> = new Set(["online", "offline", "ok", "unknown", "unhealthy"]);

/**
 * Reads the content of `device/…/twin/edge_updated`.
 *
 * @throws {UplinkRefusal} BAD
 */
export function readTwinReport(content: unknown): DeviceReport {
  const fields = objectOf(content);
  const twin = fields["twin"];
  if (!isFields(twin)) throw bad("a twin update names properties");
  const sentAtMs = timeOf(fields["timestamp"]);
  const properties = new Map<string, PropertyReport>();
  const skipped: Partial<Record<SkipReason, number>> = {};
  for (const [name, entry] of Object.entries(twin)) {
    const read = readProperty(name, entry, sentAtMs);
    if (typeof read === "string") skipped[read] = (skipped[read] ?? 0) + 1;
    else properties.set(name, read);
  }
  return { properties, skipped };
}

function readProperty(
  name: string,
  entry: unknown,
  sentAtMs: number | undefined,
): PropertyReport | SkipReason {
  if (name === "" || name.length > MAX_NAME_CHARS) return "name";
  if (!isFields(entry)) return "empty";
  const type = typeOf(entry);
  const reported = readValue(fieldsAt(entry, "actual"), type, sentAtMs);
  const observedDesired = readValue(fieldsAt(entry, "expected"), type, sentAtMs);
  const read: PropertyReport = { ...(reported && { reported }), ...(observedDesired && { observedDesired }) };
  const values = Object.values(read) as readonly ReportedValue[];
  if (values.length === 0) return "empty";
  return values.some(({ value }) => value.length > MAX_VALUE_CHARS) ? "value_too_long" : read;
}

/** No type has a longer name. Cut, it would keep the whole text in memory as long as the report waits. */
function typeOf(entry: Fields): string | undefined {
  const type = textAt(fieldsAt(entry, "metadata"), "type");
  return type !== undefined && type.length <= MAX_TYPE_CHARS ? type : undefined;
}

function readValue(
  fields: Fields,
  type: string | undefined,
  sentAtMs: number | undefined,
): ReportedValue | undefined {
  const { value } = fields;
  if (typeof value !== "string") return undefined;
  const timestampMs = timeOf(fieldsAt(fields, "metadata")["timestamp"]) ?? sentAtMs;
  return {
    value,
    ...(timestampMs === undefined ? {} : { timestampMs }),
    ...(type === undefined ? {} : { type }),
  };
}

/** A time in milliseconds, as number or text. */
function timeOf(value: unknown): number | undefined {
  const ms = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof ms === "number" && Number.isSafeInteger(ms) && ms > 0 ? ms : undefined;
}

/**
 * Reads the content of `device/…/state/update`.
 *
 * @throws {UplinkRefusal} BAD
 */
export function readStateReport(content: unknown): DeviceReport {
  const device = fieldsAt(objectOf(content), "device");
  const state = textAt(device, "state") ?? "";
  if (!STATES.has(state)) throw bad("unknown state of a device");
  const lastOnlineTime = textAt(device, "lastOnlineTime");
  if (lastOnlineTime !== undefined && !isRfc3339(lastOnlineTime)) throw bad("lastOnlineTime is no time");
  const life = { state, ...(lastOnlineTime === undefined ? {} : { lastOnlineTime }) };
  return { properties: new Map(), skipped: {}, life };
}

/** What a batch says about one device; its entry is well formed already. @param sentAtMs when the batch was sent */
export function reportOfEntry(
  { state, twins = [] }: DeviceEntry,
  sentAtMs: number | undefined,
): DeviceReport {
  const properties = new Map(twins.map((twin) => [twin[0], propertyOf(twin, sentAtMs)] as const));
  return { properties, skipped: {}, ...(state !== undefined && { life: state }) };
}

function propertyOf([, type, reported, observed]: BatchTwin, sentAtMs: number | undefined): PropertyReport {
  const valueOf = ([value, timestampMs]: BatchSample): ReportedValue => ({
    value,
    ...(timestampMs > 0 && { timestampMs }),
    ...(sentAtMs !== undefined && { sentAtMs }),
    ...(type !== "" && { type }),
  });
  return {
    ...(reported && { reported: valueOf(reported) }),
    ...(observed && { observedDesired: valueOf(observed) }),
  };
}

const isRfc3339 = (text: string): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text) &&
  !Number.isNaN(Date.parse(text));
