// SPDX-License-Identifier: Apache-2.0

/** A value, and when it held (milliseconds since the epoch). */
export interface Sample {
  readonly value: string;
  readonly timestampMs: number;
}

/** One property as a mapper reported it. */
export interface TwinReport {
  readonly property: string;
  readonly reported: Sample | undefined;
  readonly observed: Sample | undefined;
  /** `string`, `int`, `float` or `boolean`, or the mapper's own word */
  readonly type: string;
}

interface Twin {
  readonly reported: Sample | undefined;
  readonly observed: Sample | undefined;
  readonly type: string;
  readonly isConfirmed: boolean;
}

/** What is durable of one device: the twins that the cloud has not confirmed. */
export interface TwinRecord {
  readonly uid: string;
  readonly twins: Readonly<Record<string, Omit<Twin, "isConfirmed">>>;
}

interface DeviceTwins {
  readonly uid: string;
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
  /** `twin` of the frame's content */
  readonly twin: Readonly<Record<string, unknown>>;
  readonly confirm: () => void;
}

const charsOf = ({ reported, observed }: Twin): number =>
  (reported?.value.length ?? 0) + (observed?.value.length ?? 0);

const wireValue = ({ value, timestampMs }: Sample): object => ({
  value,
  metadata: { timestamp: timestampMs },
});

const wireTwin = ({ reported, observed, type }: Twin): object => ({
  ...(observed && { expected: wireValue(observed) }),
  ...(reported && { actual: wireValue(reported) }),
  optional: false,
  metadata: { type },
});

/** The latest value of every property of every device. */
export class Twins {
  readonly #limits: TwinLimits;
  readonly #devices = new Map<string, DeviceTwins>();
  #chars = 0;

  constructor(limits: TwinLimits) {
    this.#limits = limits;
  }

  /** Takes a report: of each property only what is new in it. False, and nothing taken, when there is no room. */
  report(key: string, uid: string, reports: readonly TwinReport[]): boolean {
    // Another device of the same name starts with nothing.
    if (this.uidOf(key) !== uid) this.forget(key);
    const twins = new Map(reports.map((report) => [report.property, this.#merged(key, report)]));
    const known = this.#devices.get(key)?.twins;
    let grownChars = 0;
    for (const [property, twin] of twins) {
      const before = known?.get(property);
      grownChars += charsOf(twin) - (before === undefined ? 0 : charsOf(before));
    }
    if (this.#chars + grownChars > this.#limits.maxTotalChars && grownChars > 0) return false;
    this.#chars += grownChars;
    const device = this.#deviceOf(key, uid);
    for (const [property, twin] of twins) device.twins.set(property, twin);
    return true;
  }

  /** The next frame of a device; undefined when all is confirmed. */
  next(key: string): TwinBatch | undefined {
    const device = this.#devices.get(key);
    if (device === undefined) return undefined;
    const batch = this.#batch([...device.twins].filter(([, twin]) => !twin.isConfirmed));
    if (batch.length === 0) return undefined;
    return {
      twin: Object.fromEntries(batch.map(([property, twin]) => [property, wireTwin(twin)])),
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

  uidOf(key: string): string | undefined {
    return this.#devices.get(key)?.uid;
  }

  keys(): Iterable<string> {
    return this.#devices.keys();
  }

  /** What a restart must not lose. */
  record(key: string): TwinRecord | undefined {
    const device = this.#devices.get(key);
    const open = [...(device?.twins ?? [])].filter(([, twin]) => !twin.isConfirmed);
    if (device === undefined || open.length === 0) return undefined;
    const twins = open.map(
      ([property, { reported, observed, type }]) => [property, { reported, observed, type }] as const,
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
    const fresh = { uid, twins: new Map<string, Twin>() };
    this.#devices.set(key, fresh);
    return fresh;
  }

  #merged(key: string, { property, reported, observed, type }: TwinReport): Twin {
    const before = this.#devices.get(key)?.twins.get(property);
    return {
      reported: reported ?? before?.reported,
      observed: observed ?? before?.observed,
      type,
      isConfirmed: false,
    };
  }

  #batch(open: readonly (readonly [string, Twin])[]): readonly (readonly [string, Twin])[] {
    let chars = 0;
    const { maxFrameTwins, maxFrameChars } = this.#limits;
    const fits = ([, twin]: readonly [string, Twin], i: number): boolean => {
      chars += charsOf(twin);
      return i < maxFrameTwins && (i === 0 || chars <= maxFrameChars);
    };
    const end = open.findIndex((entry, i) => !fits(entry, i));
    return end === -1 ? open : open.slice(0, end);
  }
}
