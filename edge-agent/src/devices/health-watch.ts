// SPDX-License-Identifier: Apache-2.0
import type { Device } from "@longshore/crds/devices";
import type { Clock } from "../clock.ts";
import type { EmitEvent } from "../events.ts";
import type { AgentLog } from "../log.ts";
import type { RecordStore, StoredObject } from "../store/port.ts";
import { createBuckets } from "./bucket.ts";
import { createGathering, type Gathering } from "./gather.ts";
import { judge, silent, type DeviceFacts, type HealthLimits, type MapperFacts } from "./health.ts";
import type { DeviceMetrics } from "./metrics.ts";
import { deviceKey } from "./model.ts";
import { WriteBehind } from "./to-cloud/write-behind.ts";
import type { DesiredView } from "./to-mapper/desired.ts";
import type { MapperWorker } from "./to-mapper/worker.ts";
import { VERDICT_REASONS, type DeviceState, type DeviceVerdict, type VerdictReason } from "./verdict.ts";

/** What each device's mapper said last, and why the device is in its state. */
export const HEALTH_BUCKET = "device-health";

/** What watching the health of devices needs. */
export interface HealthDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly metrics: Pick<DeviceMetrics, "devices" | "verdicts">;
  readonly emit: EmitEvent;
  readonly devices: () => readonly StoredObject[];
  readonly view: () => DesiredView;
  readonly mapperOf: (protocol: string) => MapperWorker | undefined;
  /** Carries a verdict to the cloud. */
  readonly tell: (key: string, uid: string, verdict: DeviceVerdict) => void;
  /** What was told is durable, unless the cloud has it. Never throws. */
  readonly storeTold: () => Promise<void>;
  readonly limits: HealthLimits & {
    /** changes that come within this time are looked at together */
    readonly gatherMs: number;
    /** least time between two writes of what mappers said */
    readonly writeBehindMs: number;
  };
}

interface Known {
  readonly uid: string;
  readonly protocol: string;
  /** What its mapper said last. */
  readonly reported?: DeviceState;
  /** Of the verdict that was told last; the first after a start is told again if it is a fault. */
  readonly reason?: VerdictReason;
}

/** While a mapper that calls does not answer, it is looked at again and again. */
const LOOK_AGAIN_MS = 30_000;
/** A mapper that has called within this time lives. */
const HEARD_MS = 5 * 60_000;
/** Lines of all devices: a mapper of a thousand devices may come and go. */
const LINES = { perSecond: 1, burst: 100 };

/** Judges every device when something about it may have changed, and tells what is new. */
export class HealthWatch {
  readonly #deps: HealthDeps;
  readonly #known = new Map<string, Known>();
  /** Sentence of the verdict that this process told last. */
  readonly #told = new Map<string, DeviceVerdict>();
  readonly #heardMs = new Map<string, number>();
  readonly #disk: WriteBehind;
  /** A fault was told, of which who starts after us must know. */
  #isUrgent = false;
  /** Something was told that who starts after us will not tell again, once it is on disk here. */
  #isToldOnce = false;
  readonly #mayLog: (key: string) => boolean;
  #unlogged = 0;
  readonly #gathering: Gathering;
  #cancelLater: (() => void) | undefined;
  #isStopped = false;

  constructor(deps: HealthDeps) {
    this.#deps = deps;
    const { records, clock, log, limits } = deps;
    for (const [key, value] of records.list(HEALTH_BUCKET)) this.#known.set(key, value as Known);
    this.#mayLog = createBuckets(clock, LINES);
    this.#gathering = createGathering(clock, limits.gatherMs, () => this.look());
    this.#disk = new WriteBehind({
      records,
      bucket: HEALTH_BUCKET,
      clock,
      log,
      intervalMs: limits.writeBehindMs,
      valueOf: (key) => this.#known.get(key),
      confirmedAgoMs: () => Infinity,
      before: () => this.#storeTold(),
    });
  }

  /** Something about some devices may have changed. */
  mark(): void {
    this.#gathering.mark();
  }

  /** A mapper called about a device of this protocol. */
  heard(protocol: string): void {
    this.#heardMs.set(protocol, this.#deps.clock.monotonicMs());
  }

  /** Its mapper says how it is: told at once, unless something else is wrong with it. */
  said(object: StoredObject, state: DeviceState): void {
    const key = deviceKey(object.namespace, object.name);
    const protocol = this.#deps.view().protocols.get(key) ?? "";
    const before = this.#of(key, object.uid, protocol);
    if (before.reported !== state) {
      this.#known.set(key, { ...before, reported: state });
      this.#disk.mark(key);
    }
    this.#review(object, this.#deps.view(), true);
    this.#flush();
  }

  /** The device is gone from this node. */
  forget(key: string): void {
    this.#known.delete(key);
    this.#told.delete(key);
    this.#disk.mark(key);
  }

  /** Judges all devices now. */
  look(): void {
    const { devices, view, metrics } = this.#deps;
    const desired = view();
    // First: what is found still patient here may not be so any more below, and is then looked at once more.
    this.#lookLater(desired);
    const counts = new Map<VerdictReason, number>(VERDICT_REASONS.map((reason) => [reason, 0]));
    const all = devices();
    for (const object of all) {
      const verdict = this.#review(object, desired, false);
      if (verdict !== undefined) counts.set(verdict.reason, (counts.get(verdict.reason) ?? 0) + 1);
    }
    this.#flush();
    for (const [reason, count] of counts) metrics.verdicts.set({ reason }, count);
    this.#prune(all, desired);
    this.#count(desired);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#gathering.stop();
    this.#cancelLater?.();
    await this.#disk.flush({ isLast: true });
  }

  /** Once for all that was found together: each flush is a write of its own. */
  #flush(): void {
    if (this.#isUrgent) void this.#disk.flush();
    this.#isUrgent = false;
  }

  async #storeTold(): Promise<void> {
    while (this.#isToldOnce) {
      this.#isToldOnce = false; // and true again for what is told meanwhile
      await this.#deps.storeTold();
    }
  }

  /** A device may have gone while the agent was down. */
  #prune(all: readonly StoredObject[], { byProtocol }: DesiredView): void {
    for (const protocol of this.#heardMs.keys())
      if (!byProtocol.has(protocol)) this.#heardMs.delete(protocol);
    if (this.#known.size <= all.length) return;
    const here = new Set(all.map(({ namespace, name }) => deviceKey(namespace, name)));
    for (const key of this.#known.keys()) if (!here.has(key)) this.forget(key);
  }

  #count({ problems, protocols }: DesiredView): void {
    const { metrics, mapperOf } = this.#deps;
    const waiting = [...protocols.values()].filter((protocol) => mapperOf(protocol) === undefined).length;
    metrics.devices.set({ state: "waiting" }, waiting);
    metrics.devices.set({ state: "faulty" }, problems.size);
    metrics.devices.set({ state: "served" }, protocols.size - waiting);
  }

  /** Patience ends without an event. */
  #lookLater({ byProtocol }: DesiredView): void {
    this.#cancelLater?.();
    this.#cancelLater = undefined;
    const { clock, limits } = this.#deps;
    const waits = [...byProtocol.keys()].flatMap((protocol) => {
      const forMs = this.#mapper(protocol)?.unreachableForMs;
      if (forMs === undefined) return [];
      return [forMs < limits.unreachableAfterMs ? limits.unreachableAfterMs - forMs : LOOK_AGAIN_MS];
    });
    if (waits.length === 0 || this.#isStopped) return;
    this.#cancelLater = clock.schedule(Math.min(...waits), () => this.look());
  }

  #of(key: string, uid: string, protocol: string): Known {
    const known = this.#known.get(key);
    if (known?.uid !== uid) {
      this.#told.delete(key);
      return { uid, protocol };
    }
    // What the mapper of another protocol said is about the past; what was told is not.
    if (known.protocol !== protocol) return { uid, protocol, ...pick(known) };
    return known;
  }

  #mapper(protocol: string): MapperFacts | undefined {
    const worker = this.#deps.mapperOf(protocol);
    if (worker === undefined) return undefined;
    const { unreachableSinceMs: sinceMs, mapper } = worker;
    const nowMs = this.#deps.clock.monotonicMs();
    const heardMs = this.#heardMs.get(protocol) ?? -Infinity;
    return {
      name: mapper.name,
      protocol,
      unreachableForMs: sinceMs === undefined ? undefined : nowMs - sinceMs,
      isHeard: sinceMs !== undefined && heardMs > sinceMs && nowMs - heardMs < HEARD_MS,
    };
  }

  #facts(object: StoredObject, view: DesiredView, { protocol, reported }: Known): DeviceFacts {
    const worker = this.#deps.mapperOf(protocol);
    const model = (object.value as Device).spec?.deviceModelRef?.name ?? "";
    return {
      problem: view.problems.get(deviceKey(object.namespace, object.name)),
      mapper: this.#mapper(protocol),
      trouble:
        worker?.troubleOf(object.key) ??
        worker?.troubleOf(`devicemodel/${deviceKey(object.namespace, model)}`),
      reported,
    };
  }

  #review(object: StoredObject, view: DesiredView, isFresh: boolean): DeviceVerdict | undefined {
    const key = deviceKey(object.namespace, object.name);
    const known = this.#of(key, object.uid, view.protocols.get(key) ?? "");
    const facts = this.#facts(object, view, known);
    const verdict = judge(facts, this.#deps.limits) ?? this.#afterFault(known, facts);
    if (verdict !== undefined) this.#conclude(key, object, { known, verdict, isFresh });
    return verdict;
  }

  /** Nothing is told of a device of which nobody has said anything, unless a fault was told before. */
  #afterFault({ reason }: Known, { mapper }: DeviceFacts): DeviceVerdict | undefined {
    return reason === undefined || mapper === undefined ? undefined : silent(mapper.name);
  }

  #conclude(
    key: string,
    object: StoredObject,
    { known, verdict, isFresh }: { known: Known; verdict: DeviceVerdict; isFresh: boolean },
  ): void {
    const told = this.#told.get(key);
    const isReported = verdict.reason === "Reported";
    const isNewReason = known.reason !== verdict.reason;
    if (isOld(told, verdict, isNewReason) && !(isFresh && isReported)) return;
    this.#told.set(key, verdict);
    this.#deps.tell(key, object.uid, verdict);
    this.#isToldOnce ||= isReported;
    if (!isNewReason) return;
    this.#known.set(key, { ...known, reason: verdict.reason });
    this.#disk.mark(key);
    this.#isUrgent ||= !isReported;
    if (!isReported || known.reason !== undefined) this.#announce(key, object, verdict);
  }

  #announce(key: string, { namespace, name, uid }: StoredObject, verdict: DeviceVerdict): void {
    const { log, emit } = this.#deps;
    const { state, reason, message, mapper } = verdict;
    if (this.#mayLog("")) {
      const more = this.#unlogged > 0 ? { alsoChanged: this.#unlogged } : {};
      const line = { device: key, state, code: reason, reason: message, mapper, ...more };
      if (reason === "Reported") log.info(line, "a device is served again");
      else log.warn(line, "a device is not served as it should be");
      this.#unlogged = 0;
    } else this.#unlogged++;
    const subject = { apiVersion: "devices.kubeedge.io/v1beta1", kind: "Device", namespace, name, uid };
    emit(subject, {
      type: reason === "Reported" ? "Normal" : "Warning",
      reason: reason === "Reported" ? "DeviceServed" : EVENT_OF[state],
      message: message === "" ? `its mapper says ${state}` : `${reason}: ${message}`,
    });
  }
}

const pick = ({ reason }: Known): Pick<Known, "reason"> => (reason === undefined ? {} : { reason });

const EVENT_OF: Readonly<Record<DeviceState, string>> = {
  offline: "DeviceOffline",
  unhealthy: "DeviceUnhealthy",
  unknown: "DeviceUnknown",
  online: "DeviceServed",
  ok: "DeviceServed",
};

const isAlike = (a: DeviceVerdict, b: DeviceVerdict): boolean =>
  a.state === b.state && a.reason === b.reason && a.message === b.message && a.mapper === b.mapper;

/** @param told by this process; what earlier ones told of a fault is told once more */
const isOld = (told: DeviceVerdict | undefined, verdict: DeviceVerdict, isNewReason: boolean): boolean =>
  told === undefined ? verdict.reason === "Reported" && !isNewReason : isAlike(told, verdict);
