// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../../clock.ts";
import type { AgentLog } from "../../log.ts";
import type { RecordStore } from "../../store/port.ts";
import type { Uplink } from "../../tunnel/port.ts";
import {
  BatchSender,
  DEFAULT_BATCH_OPTIONS,
  type BatchOptions,
  type OutgoingEntry,
  type ReportKind,
} from "./batch-sender.ts";
import { batchState, batchTwin, stateFrame, twinFrame, type FrameFacts } from "./frames.ts";
import { LatestSender, type Outgoing, type SenderOptions } from "./latest-sender.ts";
import type { DeviceMetrics } from "../metrics.ts";
import type { DeviceState, DeviceVerdict } from "../verdict.ts";
import { batchUplink, singleUplink } from "./modes.ts";
import { States, type StateRecord } from "./states.ts";
import { newestMsOf, Twins, type Twin, type TwinLimits, type TwinReport } from "./twins.ts";
import { WriteBehind } from "./write-behind.ts";

/** Twins that the cloud has not confirmed, by `<namespace>/<name>`. */
export const TWIN_BUCKET = "device-twins";
/** States that the cloud has not confirmed, likewise. */
export const STATE_BUCKET = "device-states";

/** What reporting needs of the agent. */
export interface ReporterDeps {
  readonly records: RecordStore;
  readonly uplink: Uplink;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly newId: () => string;
  readonly random: () => number;
  readonly metrics: Pick<DeviceMetrics, "reports" | "dropped">;
  readonly sender: SenderOptions;
  /** Towards a hub that takes batches. */
  readonly batch?: Partial<BatchOptions>;
  readonly limits: TwinLimits;
  readonly writeBehindMs: number;
  /** uid of a device of this node, by `<namespace>/<name>` */
  readonly uidOf: (key: string) => string | undefined;
}

/** One kind of report: what is known, its way to the cloud one by one, and its records. */
interface Lane {
  readonly sender: LatestSender;
  readonly disk: WriteBehind;
  /** The cloud has something of this key. */
  readonly confirmed: (key: string) => void;
  /** What is reported of this key now will not be reported again by itself: it is durable until it is confirmed. */
  readonly news: (key: string) => void;
  readonly forget: (key: string) => void;
}

/**
 * While the cloud can be reached a device that was confirmed within this is not written to disk: with more devices
 * than the hub may write a second, each has its turn now and then.
 */
const KEEPS_UP_MS = 120_000;

interface Known {
  keys(): Iterable<string>;
  uidOf(key: string): string | undefined;
  unconfirm(key: string): void;
  record(key: string): unknown;
}

/** Carries what mappers report to the cloud, the latest of each, until it is confirmed. */
export class Reporter {
  readonly #deps: ReporterDeps;
  readonly #twins: Twins;
  readonly #states: States;
  readonly #listeners = new Set<(key: string, properties: readonly string[]) => void>();
  readonly #stateLane: Lane;
  readonly #twinLane: Lane;
  /** Towards a hub that takes batches; the lanes' own senders are for all others. */
  readonly #batches: BatchSender;

  constructor(deps: ReporterDeps) {
    this.#deps = deps;
    const { limits, clock, metrics } = deps;
    let order = 0;
    const nextOrder = (): number => ++order;
    this.#states = new States(nextOrder);
    this.#twins = new Twins({
      limits,
      clock,
      nextOrder,
      onLate: (count) => metrics.dropped.inc({ reason: "late" }, count),
    });
    this.#load();
    const facts = (): FrameFacts => ({ eventId: deps.newId(), nowMs: deps.clock.nowMs() });
    // After an outage states go before twins: the lane that is made first hears of the connect first.
    this.#stateLane = this.#lane("state", STATE_BUCKET, this.#states, (key) => {
      const next = this.#states.next(key);
      return next && { request: stateFrame(key, next.record, facts()), confirm: next.confirm };
    });
    this.#twinLane = this.#lane("twin", TWIN_BUCKET, this.#twins, (key) => {
      const batch = this.#twins.next(key);
      return batch && { request: twinFrame(key, batch.reports, facts()), confirm: batch.confirm };
    });
    this.#batches = this.#createBatches();
  }

  /** False when there is no room for the values. */
  twins(key: string, uid: string, reports: readonly TwinReport[]): boolean {
    if (!this.#twins.report(key, uid, reports)) return false;
    this.#changed(this.#twinLane, key);
    for (const listener of this.#listeners)
      listener(
        key,
        reports.map(({ property }) => property),
      );
    return true;
  }

  /** What is held of a device, by property. */
  held(key: string): ReadonlyMap<string, Twin> | undefined {
    return this.#twins.held(key);
  }

  /** Called with the properties of each report that was taken. Returns the unsubscriber. */
  subscribe(listener: (key: string, properties: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param verdict a mere word is what the mapper reported */
  state(key: string, uid: string, verdict: DeviceVerdict | DeviceState): void {
    const whole = typeof verdict === "string" ? reportedAs(verdict) : verdict;
    if (this.#states.report(key, uid, whole, this.#deps.clock.nowMs())) this.#stateLane.news(key);
    this.#changed(this.#stateLane, key);
  }

  /** What the cloud has not confirmed of the states is durable when this resolves. Never throws. */
  storeStates(): Promise<void> {
    return this.#stateLane.disk.flush();
  }

  hasState(key: string): boolean {
    return this.#states.has(key);
  }

  stateOf(key: string): DeviceState | undefined {
    return this.#states.stateOf(key);
  }

  /** The device is as the store has it now: what is known of another uid, or of other properties, goes. */
  settle(key: string, uid: string, properties: ReadonlySet<string>): void {
    const isOther = [this.#twins.uidOf(key), this.#states.uidOf(key)].some(
      (known) => known !== undefined && known !== uid,
    );
    if (isOther) this.forget(key);
    this.#twins.retain(key, properties);
    this.#twinLane.disk.mark(key);
  }

  /** The device is gone from this node. */
  forget(key: string): void {
    this.#twins.forget(key);
    this.#states.forget(key);
    for (const lane of [this.#twinLane, this.#stateLane]) lane.forget(key);
    this.#batches.forget(key);
  }

  async stop(): Promise<void> {
    const lanes = [this.#twinLane, this.#stateLane];
    for (const sender of [this.#batches, ...lanes.map((lane) => lane.sender)]) sender.stop();
    await Promise.all(lanes.map(({ disk }) => disk.flush({ isLast: true })));
  }

  #changed({ sender, disk }: Lane, key: string): void {
    disk.mark(key);
    sender.mark(key);
    this.#batches.mark(key);
  }

  #createBatches(): BatchSender {
    const { clock, log, uplink, random, metrics, sender, batch } = this.#deps;
    const known = [this.#twins, this.#states];
    return new BatchSender({
      ...{ clock, log, random },
      uplink: batchUplink(uplink),
      options: { ...sender, batch: { ...DEFAULT_BATCH_OPTIONS, ...batch } },
      outgoing: (key) => this.#entryOf(key),
      repeat: (key) => known.forEach((kind) => kind.unconfirm(key)),
      keys: () => this.#newestFirst(),
      onSent: (kinds, result) => kinds.forEach((kind) => metrics.reports.inc({ kind, result })),
    });
  }

  /** What is unconfirmed of a device, its state before its values. */
  #entryOf(device: string): OutgoingEntry | undefined {
    const state = this.#states.next(device);
    const twins = this.#twins.next(device);
    const uid = state?.record.uid ?? this.#twins.uidOf(device);
    if ((state === undefined && twins === undefined) || uid === undefined) return undefined;
    const kinds: ReportKind[] = [...(state ? ["state" as const] : []), ...(twins ? ["twin" as const] : [])];
    const entry = {
      ...{ device, uid },
      ...(state && { state: batchState(state.record) }),
      ...(twins && { twins: twins.reports.map(batchTwin) }),
    };
    const confirm = (): void => {
      state?.confirm();
      twins?.confirm();
      if (state !== undefined) this.#stateLane.confirmed(device);
      if (twins !== undefined) this.#twinLane.confirmed(device);
    };
    return { entry, kinds, confirm };
  }

  #newestFirst(): string[] {
    const orderOf = (key: string): number => Math.max(this.#states.orderOf(key), this.#twins.orderOf(key));
    return [...new Set([...this.#states.keys(), ...this.#twins.keys()])]
      .map((key) => [key, orderOf(key)] as const)
      .sort(([, a], [, b]) => b - a)
      .map(([key]) => key);
  }

  #load(): void {
    for (const [key, record] of this.#stored(TWIN_BUCKET, newestMsOf)) this.#twins.load(key, record);
    const reportedMsOf = ({ reportedMs }: StateRecord): number => reportedMs ?? 0;
    for (const [key, record] of this.#stored(STATE_BUCKET, reportedMsOf)) this.#states.load(key, record);
  }

  /** What was left unconfirmed of devices that are still here, oldest first. */
  #stored<R extends { readonly uid: string }>(
    bucket: string,
    msOf: (record: R) => number,
  ): (readonly [string, R])[] {
    const { records, uidOf } = this.#deps;
    return records
      .list(bucket)
      .map(([key, value]) => [key, value as R] as const)
      .filter(([key, { uid }]) => uid === uidOf(key))
      .sort(([, a], [, b]) => msOf(a) - msOf(b));
  }

  #lane(
    kind: "twin" | "state",
    bucket: string,
    known: Known,
    outgoing: (key: string) => Outgoing | undefined,
  ): Lane {
    const { records, clock, log, uplink, random, metrics, writeBehindMs: intervalMs } = this.#deps;
    const confirmedAtMs = new Map<string, number>();
    const disk = new WriteBehind({
      records,
      bucket,
      clock,
      log,
      intervalMs,
      valueOf: (key) => known.record(key),
      confirmedAgoMs: (key) => clock.monotonicMs() - (confirmedAtMs.get(key) ?? -Infinity),
      keepsUpMs: () => (batchUplink(uplink).isConnected() ? KEEPS_UP_MS : intervalMs),
    });
    // A device that went away while the agent was down leaves a record.
    for (const [key] of records.list(bucket)) if (known.record(key) === undefined) disk.mark(key);
    const confirmed = (key: string): void => {
      if (known.uidOf(key) !== undefined) confirmedAtMs.set(key, clock.monotonicMs());
      disk.mark(key);
    };
    const sender = new LatestSender({
      uplink: singleUplink(uplink),
      clock,
      log,
      random,
      options: this.#deps.sender,
      outgoing: (key) => {
        const next = outgoing(key);
        const confirm = (): void => {
          next?.confirm();
          confirmed(key);
        };
        return next && { ...next, confirm };
      },
      repeat: (key) => known.unconfirm(key),
      keys: () => known.keys(),
      onSent: (result) => metrics.reports.inc({ kind, result }),
    });
    const forget = (key: string): void => {
      sender.forget(key);
      confirmedAtMs.delete(key);
      disk.mark(key);
    };
    return { sender, disk, confirmed, news: (key) => void confirmedAtMs.delete(key), forget };
  }
}

const reportedAs = (state: DeviceState): DeviceVerdict => ({ state, reason: "Reported", message: "" });
