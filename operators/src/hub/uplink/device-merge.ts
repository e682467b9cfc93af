// SPDX-License-Identifier: Apache-2.0
import { withCondition, type Condition } from "../../runtime/object/conditions.ts";
import { isStale, laterTime, MAX_AHEAD_MS } from "./device-order.ts";
import { bytesOf } from "./device-size.ts";
import type {
  DeviceReport,
  LifeReport,
  PropertyReport,
  ReportedValue,
  SkipReason,
  Skipped,
} from "./device-report.ts";

export interface TwinValue {
  readonly value: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface Twin {
  readonly propertyName?: string;
  readonly reported?: TwinValue;
  readonly observedDesired?: TwinValue;
}

/** Says whether a device is reached: standard words for what `state` says in KubeEdge's. */
export const ONLINE = "Online";

/** Texts of `status` that are not twins. */
const TEXTS = ["state", "lastOnlineTime", "reason", "message", "mapper", "nodeName", "protocol"] as const;
type Texts = Partial<Record<(typeof TEXTS)[number], string>>;

/** What devices report, as it is in `status` of a DeviceStatus. */
export interface DeviceStatusContent extends Readonly<Texts> {
  readonly twins?: readonly Twin[];
  readonly conditions?: readonly Condition[];
}

/** Where a device is, as the hub itself knows it. */
export interface DeviceFacts {
  readonly nodeName?: string;
  readonly protocol?: string;
}

export interface MergeContext {
  readonly nowMs: number;
  readonly maxProperties: number;
  /** Of all properties together, as JSON. */
  readonly maxBytes: number;
  readonly facts?: DeviceFacts;
  readonly late?: Lateness;
}

/** Parts of properties of which only late values came, and since when, by a clock that never goes back. */
export interface Lateness {
  readonly sinceMs: Map<string, number>;
  readonly nowMs: number;
}

/** Fields of `status` to be written; null takes one away. */
export type StatusChange = Pick<DeviceStatusContent, "twins" | "conditions"> & {
  readonly [K in keyof Texts]?: string | null;
};

export interface Merged {
  /** Fields that differ from what is stored; undefined when none does. */
  readonly changed?: StatusChange;
  readonly skipped: Skipped;
}

/**
 * Lays reports over what is stored, in the order in which they came. What they do not name stays.
 *
 * Reports overtake each other (an edge repeats what was not confirmed), so that a value is replaced only by one that
 * is not older by the edge's own clock.
 */
export function mergeReports(
  stored: DeviceStatusContent,
  reports: readonly DeviceReport[],
  context: MergeContext,
): Merged {
  const twins = new TwinTable(stored.twins ?? [], context);
  for (const report of reports) {
    twins.count(report.skipped);
    for (const [name, property] of report.properties) twins.lay(name, property);
  }
  const changed = {
    ...(twins.hasChanged ? { twins: twins.list() } : {}),
    ...changedTexts(stored, { ...context.facts }),
    ...changedLife(stored, lastOf(reports), context.nowMs),
  };
  const { skipped } = twins;
  return Object.keys(changed).length === 0 ? { skipped } : { changed, skipped };
}

/** The last state that was told, and the latest time at which the device was there. */
function lastOf(reports: readonly DeviceReport[]): LifeReport | undefined {
  let last: LifeReport | undefined;
  for (const { life } of reports) {
    const seen = laterTime(last?.lastOnlineTime, life?.lastOnlineTime);
    if (life !== undefined) last = { ...life, ...(seen !== undefined && { lastOnlineTime: seen }) };
  }
  return last;
}

function changedLife(stored: DeviceStatusContent, life: LifeReport | undefined, nowMs: number): StatusChange {
  if (life === undefined) return {};
  return {
    ...changedTexts(stored, textsOf(stored, life, nowMs)),
    ...changedConditions(stored.conditions, life, nowMs),
  };
}

/** What is stored once a change is written. */
export function laidOver(stored: DeviceStatusContent, change: StatusChange): DeviceStatusContent {
  const entries = Object.entries({ ...stored, ...change }).filter(([, value]) => value !== null);
  return Object.fromEntries(entries);
}

/** A state that came without a reason is as its mapper reported it; an older reason is none of it. */
function textsOf(
  stored: DeviceStatusContent,
  life: LifeReport,
  nowMs: number,
): Record<string, string | undefined> {
  const { state, reason = "Reported", message, mapper } = life;
  return {
    state,
    reason,
    message,
    mapper,
    lastOnlineTime: seenLast(stored.lastOnlineTime, life.lastOnlineTime, nowMs),
  };
}

/** A stored time that has yet to come was told by a clock that was wrong. */
function seenLast(stored: string | undefined, given: string | undefined, nowMs: number): string | undefined {
  const isToCome = stored !== undefined && Date.parse(stored) > nowMs + MAX_AHEAD_MS;
  return isToCome && given !== undefined ? given : laterTime(stored, given);
}

/** @param now a key with undefined is to be taken away; one that is not there stays */
function changedTexts(
  stored: DeviceStatusContent,
  now: Readonly<Record<string, string | undefined>>,
): StatusChange {
  const changed: Partial<Record<keyof Texts, string | null>> = {};
  for (const key of TEXTS) {
    if (!Object.hasOwn(now, key)) continue;
    const value = now[key] === "" ? undefined : now[key];
    if (value !== stored[key]) changed[key] = value ?? null;
  }
  return changed;
}

const STATUS: Readonly<Record<string, Condition["status"]>> = {
  online: "True",
  ok: "True",
  offline: "False",
  unhealthy: "False",
};

function changedConditions(
  stored: readonly Condition[] | undefined,
  { state, reason = "Reported", message = "" }: LifeReport,
  nowMs: number,
): Pick<DeviceStatusContent, "conditions"> {
  const status = STATUS[state] ?? "Unknown";
  const before = stored?.find(({ type }) => type === ONLINE);
  const isSame = before?.status === status && before.reason === reason && before.message === message;
  if (isSame) return {};
  const now = new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, "Z");
  return { conditions: withCondition(stored, { type: ONLINE, status, reason, message }, now) };
}

type Part = "reported" | "observedDesired";
const PARTS: readonly Part[] = ["reported", "observedDesired"];

class TwinTable {
  readonly skipped: Partial<Record<SkipReason, number>> = {};
  hasChanged = false;
  readonly #context: MergeContext;
  readonly #byName: Map<string, Twin>;
  #bytes: number;

  constructor(stored: readonly Twin[], context: MergeContext) {
    this.#context = context;
    this.#byName = new Map(stored.map((twin) => [twin.propertyName ?? "", twin]));
    this.#bytes = this.list().reduce((bytes, twin) => bytes + bytesOf(twin), 0);
  }

  list(): Twin[] {
    return [...this.#byName.values()];
  }

  count(skipped: Skipped): void {
    for (const [reason, times] of Object.entries(skipped)) this.#skip(reason as SkipReason, times);
  }

  lay(name: string, property: PropertyReport): void {
    const old = this.#byName.get(name) ?? { propertyName: name };
    if (!this.#byName.has(name) && this.#byName.size >= this.#context.maxProperties) {
      this.#skip("too_many");
      return;
    }
    const next = {
      ...old,
      ...this.#newer(name, "reported", [old, property]),
      ...this.#newer(name, "observedDesired", [old, property]),
    };
    if (PARTS.every((part) => next[part] === old[part])) return;
    if (!this.#fits(name, next)) {
      this.#skip("too_large");
      return;
    }
    this.hasChanged = true;
    this.#byName.set(name, next);
  }

  /** One value too much would have the API server refuse all the others, and the state, for good. */
  #fits(name: string, next: Twin): boolean {
    const old = this.#byName.get(name);
    const moreBytes = bytesOf(next) - (old === undefined ? 0 : bytesOf(old));
    if (moreBytes > 0 && this.#bytes + moreBytes > this.#context.maxBytes) return false;
    this.#bytes += moreBytes;
    return true;
  }

  /** @returns the part as it is to be, and nothing where it stays */
  #newer(
    name: string,
    part: Part,
    [{ [part]: old }, { [part]: given }]: readonly [Twin, PropertyReport],
  ): Pick<Twin, Part> | object {
    if (given === undefined) return {};
    const heldMs = Number(old?.metadata?.["timestamp"] ?? NaN);
    const isLate = isStale(heldMs, given, this.#context.nowMs);
    if (!this.#isBelieved(`${part} ${name}`, isLate)) {
      this.#skip("stale");
      return {};
    }
    const next = toTwinValue(old, given);
    return isSame(old, next) ? {} : { [part]: next };
  }

  /** A clock that was set back makes everything late: after a while of nothing else, that is what time it is there. */
  #isBelieved(key: string, isLate: boolean): boolean {
    const { late } = this.#context;
    const sinceMs = late?.sinceMs.get(key);
    const isForLong = late !== undefined && sinceMs !== undefined && late.nowMs - sinceMs >= MAX_AHEAD_MS;
    // It is believed until a value is not late, for this one may have to be laid over once more.
    if (!isLate) late?.sinceMs.delete(key);
    else if (sinceMs === undefined) late?.sinceMs.set(key, late.nowMs);
    return !isLate || isForLong;
  }

  #skip(reason: SkipReason, times = 1): void {
    this.skipped[reason] = (this.skipped[reason] ?? 0) + times;
  }
}

function toTwinValue(old: TwinValue | undefined, { value, timestampMs, type }: ReportedValue): TwinValue {
  const known = type ?? old?.metadata?.["type"];
  return {
    value,
    metadata: {
      ...(timestampMs === undefined ? {} : { timestamp: String(timestampMs) }),
      ...(known === undefined ? {} : { type: known }),
    },
  };
}

const isSame = (old: TwinValue | undefined, next: TwinValue): boolean =>
  old !== undefined &&
  old.value === next.value &&
  ["timestamp", "type"].every((key) => old.metadata?.[key] === next.metadata?.[key]);
