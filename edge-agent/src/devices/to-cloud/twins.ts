// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import { newestOf, type HeldSample, type Now, type Sample } from "./newest.ts";

/** One property as a mapper reported it. */
export interface TwinReport {
  readonly property: string;
  readonly reported: Sample | undefined;
  readonly observed: Sample | undefined;
  /** `string`, `int`, `float` or `boolean`, or the mapper's own word */
  readonly type: string;
}

/** One property as it is held. */
export interface Twin {
  readonly reported: HeldSample | undefined;
  readonly observed: HeldSample | undefined;
  readonly type: string;
  readonly isConfirmed: boolean;
}

/** What is durable of one device: the twins that the cloud has not confirmed. */
export interface TwinRecord {
  readonly uid: string;
  readonly twins: Readonly<Record<string, Omit<TwinReport, "property">>>;
}

interface DeviceTwins {
  readonly uid: string;
  /** rises with each report that brought news */
  order: number;
  readonly twins: Map<string, Twin>;
}

/** How much is kept and sent. */
export interface TwinLimits {
  /** characters of all values held, over all devices */
  readonly maxTotalChars: number;
  /** properties in one frame */
  readonly maxFrameTwins: number;
  /** characters of values in one frame */
  readonly maxFrameChars: number;
}

/** Part of what a device has to tell, and how to say that the cloud has it. */
export interface TwinBatch {
  readonly reports: readonly TwinReport[];
  readonly confirm: () => void;
}

/** When the newest sample of a record held, in milliseconds since the epoch. */
export function newestMsOf({ twins }: TwinRecord): number {
  const times = Object.values(twins).flatMap(({ reported, observed }) => [reported, observed]);
  return times.reduce((newest, sample) => Math.max(newest, sample?.timestampMs ?? 0), 0);
}

const charsOf = ({ reported, observed }: Twin): number =>
  (reported?.value.length ?? 0) + (observed?.value.length ?? 0);

const storedSample = (held: HeldSample | undefined): Sample | undefined =>
  held && {
    value: held.value,
    timestampMs: held.timestampMs,
    ...(held.isStamped !== undefined && { isStamped: held.isStamped }),
  };

interface Laid {
  readonly twin: Twin;
  readonly isLate: boolean;
}

const NOTHING_HELD = { reported: undefined, observed: undefined };

/** A report laid over what is held: of each side the newer; what is held itself where nothing is new. */
function laidOver(before: Twin | undefined, report: TwinReport, now: Now): Laid {
  const held = before ?? NOTHING_HELD;
  const reported = newestOf(held.reported, report.reported, now);
  const observed = newestOf(held.observed, report.observed, now);
  const old = [reported === held.reported, observed === held.observed] as const;
  const isLate = (old[0] && report.reported !== undefined) || (old[1] && report.observed !== undefined);
  if (before !== undefined && old[0] && old[1]) return { twin: before, isLate };
  const { type } = isLate ? (before ?? report) : report;
  return { twin: { reported, observed, type, isConfirmed: false }, isLate };
}

/** What twins need of the agent. */
export interface TwinDeps {
  readonly limits: TwinLimits;
  readonly clock: Pick<Clock, "nowMs" | "monotonicMs">;
  /** So many properties of a report were older than what is held. */
  readonly onLate: (count: number) => void;
  /** Rises with each call. */
  readonly nextOrder: () => number;
}

/** The latest value of every property of every device. */
export class Twins {
  readonly #deps: TwinDeps;
  readonly #devices = new Map<string, DeviceTwins>();
  #chars = 0;

  constructor(deps: TwinDeps) {
    this.#deps = deps;
  }

  /**
   * Takes a report: of each property only what is in it and not older than what is held. False, and nothing taken,
   * when there is no room.
   */
  report(key: string, uid: string, reports: readonly TwinReport[]): boolean {
    // Another device of the same name starts with nothing.
    if (this.uidOf(key) !== uid) this.forget(key);
    const { twins, late } = this.#laid(key, reports);
    const grownChars = this.#growthOf(key, twins);
    if (this.#chars + grownChars > this.#deps.limits.maxTotalChars && grownChars > 0) return false;
    this.#chars += grownChars;
    const device = this.#deviceOf(key, uid);
    for (const [property, twin] of twins) device.twins.set(property, twin);
    if (twins.size > 0) device.order = this.#deps.nextOrder();
    if (late > 0) this.#deps.onLate(late);
    return true;
  }

  /** The next frame of a device; undefined when all is confirmed. */
  next(key: string): TwinBatch | undefined {
    const device = this.#devices.get(key);
    if (device === undefined) return undefined;
    const batch = this.#batch([...device.twins].filter(([, twin]) => !twin.isConfirmed));
    if (batch.length === 0) return undefined;
    return {
      reports: batch.map(([property, { reported, observed, type }]) => ({
        property,
        reported,
        observed,
        type,
      })),
      confirm: () => {
        for (const [property, twin] of batch) {
          const isLatest = device.twins.get(property) === twin;
          if (isLatest) device.twins.set(property, { ...twin, isConfirmed: true });
        }
      },
    };
  }

  /** The cloud may have lost all of it. */
  unconfirm(key: string): void {
    const twins = this.#devices.get(key)?.twins ?? new Map<string, Twin>();
    for (const [property, twin] of twins) twins.set(property, { ...twin, isConfirmed: false });
  }

  /** Keeps only these properties; the device has no others any more. */
  retain(key: string, properties: ReadonlySet<string>): void {
    const twins = this.#devices.get(key)?.twins ?? new Map<string, Twin>();
    for (const [property, twin] of twins) {
      if (properties.has(property)) continue;
      twins.delete(property);
      this.#chars -= charsOf(twin);
    }
  }

  forget(key: string): void {
    this.retain(key, new Set());
    this.#devices.delete(key);
  }

  /** By property. */
  held(key: string): ReadonlyMap<string, Twin> | undefined {
    return this.#devices.get(key)?.twins;
  }

  uidOf(key: string): string | undefined {
    return this.#devices.get(key)?.uid;
  }

  /** Higher than that of what came before; 0 when nothing is known. */
  orderOf(key: string): number {
    return this.#devices.get(key)?.order ?? 0;
  }

  /** The device with the newest values first, as they came: times of different mappers do not compare. */
  keys(): Iterable<string> {
    return [...this.#devices].sort(([, a], [, b]) => b.order - a.order).map(([key]) => key);
  }

  /** What a restart must not lose. */
  record(key: string): TwinRecord | undefined {
    const device = this.#devices.get(key);
    const open = [...(device?.twins ?? [])].filter(([, twin]) => !twin.isConfirmed);
    if (device === undefined || open.length === 0) return undefined;
    const twins = open.map(
      ([property, { reported, observed, type }]) =>
        [property, { reported: storedSample(reported), observed: storedSample(observed), type }] as const,
    );
    return { uid: device.uid, twins: Object.fromEntries(twins) };
  }

  load(key: string, { uid, twins }: TwinRecord): void {
    const reports = Object.entries(twins).map(([property, { reported, observed, type }]): TwinReport => ({
      property,
      reported,
      observed,
      type,
    }));
    this.report(key, uid, reports);
  }

  #deviceOf(key: string, uid: string): DeviceTwins {
    const known = this.#devices.get(key);
    if (known?.uid === uid) return known;
    const fresh = { uid, order: 0, twins: new Map<string, Twin>() };
    this.#devices.set(key, fresh);
    return fresh;
  }

  /** How many characters more are held with these twins. */
  #growthOf(key: string, twins: ReadonlyMap<string, Twin>): number {
    const known = this.#devices.get(key)?.twins;
    let chars = 0;
    for (const [property, twin] of twins) {
      const before = known?.get(property);
      chars += charsOf(twin) - (before === undefined ? 0 : charsOf(before));
    }
    return chars;
  }

  /** The twins that a report changes, and how many of its properties came late. */
  #laid(key: string, reports: readonly TwinReport[]): { twins: Map<string, Twin>; late: number } {
    const { clock } = this.#deps;
    const now = { nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
    const known = this.#devices.get(key)?.twins;
    const twins = new Map<string, Twin>();
    let late = 0;
    for (const report of reports) {
      const before = twins.get(report.property) ?? known?.get(report.property);
      const { twin, isLate } = laidOver(before, report, now);
      if (isLate) late++;
      if (twin !== before) twins.set(report.property, twin);
    }
    return { twins, late };
  }

  #batch(open: readonly (readonly [string, Twin])[]): readonly (readonly [string, Twin])[] {
    let chars = 0;
    const { maxFrameTwins, maxFrameChars } = this.#deps.limits;
    const fits = ([, twin]: readonly [string, Twin], i: number): boolean => {
      chars += charsOf(twin);
      return i < maxFrameTwins && (i === 0 || chars <= maxFrameChars);
    };
    const end = open.findIndex((entry, i) => !fits(entry, i));
    return end === -1 ? open : open.slice(0, end);
  }
}
