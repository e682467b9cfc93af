// SPDX-License-Identifier: Apache-2.0
import type { DeviceReport, PropertyReport, ReportedValue, SkipReason, Skipped } from "./device-report.ts";

export interface TwinValue {
  readonly value: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface Twin {
  readonly propertyName?: string;
  readonly reported?: TwinValue;
  readonly observedDesired?: TwinValue;
}

/** What devices report, as it is in `status` of a DeviceStatus. */
export interface DeviceStatusContent {
  readonly twins?: readonly Twin[];
  readonly state?: string;
  readonly lastOnlineTime?: string;
}

export interface MergeContext {
  readonly nowMs: number;
  readonly maxProperties: number;
}

export interface Merged {
  /** Fields of `status` that differ from what is stored; undefined when none does. */
  readonly changed?: DeviceStatusContent;
  readonly skipped: Skipped;
}

/** A stored time that lies further ahead was told by a clock that was wrong, and holds nobody off. */
const MAX_AHEAD_MS = 10 * 60 * 1000;

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
  const life: Life = { ...pickLife(stored) };
  for (const report of reports) {
    twins.count(report.skipped);
    for (const [name, property] of report.properties) twins.lay(name, property);
    if (report.state !== undefined) life.state = report.state;
    const seen = later(life.lastOnlineTime, report.lastOnlineTime);
    if (seen !== undefined) life.lastOnlineTime = seen;
  }
  const changed = { ...(twins.hasChanged ? { twins: twins.list() } : {}), ...changesOf(stored, life) };
  const { skipped } = twins;
  return Object.keys(changed).length === 0 ? { skipped } : { changed, skipped };
}

interface Life {
  state?: string;
  lastOnlineTime?: string;
}

const LIFE = ["state", "lastOnlineTime"] as const;

const pickLife = (stored: DeviceStatusContent): Life => changesOf({}, stored);

function changesOf(stored: Readonly<Life>, now: Readonly<Life>): Life {
  const changed: Life = {};
  for (const key of LIFE) {
    const value = now[key];
    if (value !== undefined && value !== stored[key]) changed[key] = value;
  }
  return changed;
}

type Part = "reported" | "observedDesired";
const PARTS: readonly Part[] = ["reported", "observedDesired"];

class TwinTable {
  readonly skipped: Partial<Record<SkipReason, number>> = {};
  hasChanged = false;
  readonly #context: MergeContext;
  readonly #byName: Map<string, Twin>;

  constructor(stored: readonly Twin[], context: MergeContext) {
    this.#context = context;
    this.#byName = new Map(stored.map((twin) => [twin.propertyName ?? "", twin]));
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
      ...this.#newer("reported", old, property),
      ...this.#newer("observedDesired", old, property),
    };
    if (PARTS.every((part) => next[part] === old[part])) return;
    this.hasChanged = true;
    this.#byName.set(name, next);
  }

  /** @returns the part as it is to be, and nothing where it stays */
  #newer(part: Part, { [part]: old }: Twin, { [part]: given }: PropertyReport): Pick<Twin, Part> | object {
    if (given === undefined) return {};
    if (this.#isStale(old, given)) {
      this.#skip("stale");
      return {};
    }
    const next = toTwinValue(old, given);
    return isSame(old, next) ? {} : { [part]: next };
  }

  #isStale(old: TwinValue | undefined, { timestampMs }: ReportedValue): boolean {
    const storedMs = Number(old?.metadata?.["timestamp"]);
    if (!Number.isSafeInteger(storedMs) || timestampMs === undefined) return false;
    return timestampMs < storedMs && storedMs <= this.#context.nowMs + MAX_AHEAD_MS;
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

function later(stored: string | undefined, given: string | undefined): string | undefined {
  if (stored === undefined || given === undefined) return given ?? stored;
  return Date.parse(given) < Date.parse(stored) ? stored : given;
}
