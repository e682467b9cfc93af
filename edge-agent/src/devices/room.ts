// SPDX-License-Identifier: Apache-2.0
import type { Device, DeviceModel } from "@longshore/crds/devices";
import type { ReportDeviceStatesRequest, ReportDeviceStatusRequest } from "@longshore/crds/dmi";
import { DmiFault, type DmiHandlers, type DmiServer } from "../dmi/port.ts";
import type { DesiredEvent, StoredObject } from "../store/port.ts";
import { pauseMs } from "./backoff.ts";
import { createBuckets } from "./bucket.ts";
import { createDesiredView, type DesiredView, type MapperDesired } from "./to-mapper/desired.ts";
import { createJournal } from "./to-mapper/journal.ts";
import { Mappers } from "./to-mapper/mappers.ts";
import { createDeviceMetrics, type DeviceMetrics } from "./metrics.ts";
import { deviceKey, messageOf, propertyNames } from "./model.ts";
import type { DeviceRoom, DeviceRoomDeps } from "./port.ts";
import { createObserver } from "./refusals.ts";
import { Reporter } from "./to-cloud/reporter.ts";
import { checkNames, checkReport, checkState } from "./to-cloud/reports.ts";

const DEFAULTS = {
  minGapMs: 1_000,
  maxInFlight: 8,
  requestTimeoutMs: 60_000,
  repeatSpreadMs: 5_000,
  writeBehindMs: 5_000,
  reportRate: { perSecond: 1_000, burst: 2_000 },
  registerRate: { perSecond: 1, burst: 100 },
  maxMappers: 64,
  maxReportTwins: 1_000,
  maxValueChars: 16_384,
  maxTotalChars: 16 * 1024 * 1024,
};
/** So that one frame stays well below the limits of the wire: 10,000 keys, and chunks of 256 KiB. */
const FRAME = { maxFrameTwins: 500, maxFrameChars: 128 * 1024 };
const REOPEN = { baseMs: 1_000, capMs: 60_000 };
const NOTHING: MapperDesired = { wanted: [], kept: new Set() };

class Room implements DeviceRoom {
  readonly #deps: DeviceRoomDeps;
  readonly #options: typeof DEFAULTS & DeviceRoomDeps["options"];
  readonly #metrics: DeviceMetrics;
  readonly #mappers: Mappers;
  readonly #reporter: Reporter;
  readonly #mayReport: (protocol: string) => boolean;
  readonly #mayRegister: (key: string) => boolean;
  readonly #makeView = createDesiredView();
  readonly #stops: (() => void)[] = [];
  /** Sentence of each device's problem that was logged. */
  readonly #told = new Map<string, string>();
  #view: DesiredView | undefined;
  #server: DmiServer | undefined;
  #opening: Promise<void> | undefined;
  #failures = 0;
  #cancelReopen: (() => void) | undefined;
  #stopped = false;

  constructor(deps: DeviceRoomDeps) {
    this.#deps = deps;
    const { records, clock, log, random } = deps;
    this.#options = { ...DEFAULTS, ...deps.options };
    this.#metrics = createDeviceMetrics(deps.registry);
    this.#mayReport = createBuckets(clock, this.#options.reportRate);
    this.#mayRegister = createBuckets(clock, this.#options.registerRate);
    this.#mappers = new Mappers({
      journal: createJournal(records),
      records,
      dial: deps.dial,
      address: deps.address,
      desired: (protocol) => this.#desired().byProtocol.get(protocol) ?? NOTHING,
      maxMappers: this.#options.maxMappers,
      clock,
      log,
      random,
      onCall: ({ op, item }, result) => this.#metrics.calls.inc({ call: `${op}_${item.kind}`, result }),
      onRegistered: (count) => this.#metrics.mappers.set(count),
    });
    this.#reporter = this.#createReporter();
  }

  async start(): Promise<void> {
    const { store } = this.#deps;
    this.#stops.push(
      store.subscribe("device", (event) => this.#onDevice(event)),
      store.subscribe("devicemodel", (event) => this.#onChange(event.object)),
    );
    this.#mappers.start();
    this.#lookOver();
    await this.#open();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelReopen?.();
    for (const stop of this.#stops) stop();
    await this.#opening;
    await this.#server?.stop();
    this.#mappers.stop();
    await this.#reporter.stop();
  }

  #createReporter(): Reporter {
    const { records, uplink, clock, log, newId, random, store } = this.#deps;
    const { minGapMs, maxInFlight, repeatSpreadMs, requestTimeoutMs, maxTotalChars, writeBehindMs } =
      this.#options;
    return new Reporter({
      records,
      uplink,
      clock,
      log,
      newId,
      random,
      metrics: this.#metrics,
      sender: { minGapMs, maxInFlight, repeatSpreadMs, timeoutMs: requestTimeoutMs },
      limits: { maxTotalChars, ...FRAME },
      writeBehindMs,
      uidOf: (key) => store.get(`device/${key}`)?.uid,
    });
  }

  #desired(): DesiredView {
    const { store } = this.#deps;
    this.#view ??= this.#makeView(store.list("device"), store.list("devicemodel"));
    return this.#view;
  }

  #onDevice({ type, object }: DesiredEvent): void {
    const key = deviceKey(object.namespace, object.name);
    if (type === "delete") this.#reporter.forget(key);
    else this.#reporter.settle(key, object.uid, propertyNames(object.value as Device));
    this.#onChange(object);
  }

  #onChange(object: StoredObject): void {
    this.#view = undefined;
    this.#mappers.wakeAll(object.key);
    this.#lookOver();
  }

  /** Says of each device, once, why no mapper gets it; and that nobody knows the state of those without a mapper. */
  #lookOver(): void {
    const { problems, protocols } = this.#desired();
    for (const [key, { code, message }] of problems) {
      if (this.#told.get(key) === message) continue;
      this.#told.set(key, message);
      this.#deps.log.warn({ device: key, code, reason: message }, "a device cannot be given to its mapper");
    }
    for (const key of this.#told.keys()) if (!problems.has(key)) this.#told.delete(key);
    const unserved = [...protocols].filter(([, protocol]) => !this.#mappers.has(protocol));
    for (const [key] of unserved) this.#sayUnknown(key);
    this.#metrics.devices.set({ state: "waiting" }, unserved.length);
    this.#metrics.devices.set({ state: "faulty" }, problems.size);
    this.#metrics.devices.set({ state: "served" }, protocols.size - unserved.length);
  }

  #sayUnknown(key: string): void {
    const uid = this.#deps.store.get(`device/${key}`)?.uid;
    if (uid !== undefined && !this.#reporter.hasState(key)) this.#reporter.state(key, uid, "unknown");
  }

  /** A socket that cannot be opened is told once and tried again: everything else of the agent goes on. */
  #open(): Promise<void> {
    const { openServer, clock, log, options, random } = this.#deps;
    const observe = createObserver(clock, log, this.#metrics);
    this.#opening = openServer({ socketPath: options.socketPath }, this.#handlers(), observe).then(
      (server) => {
        this.#server = server;
        this.#failures = 0;
        this.#metrics.socketOpen.set(1);
        log.info({ path: options.socketPath }, "mappers can register");
      },
      (error: unknown) => {
        this.#failures++;
        this.#metrics.socketOpen.set(0);
        if (this.#failures === 1)
          log.error(
            { path: options.socketPath, reason: messageOf(error) },
            "the socket for mappers is not open",
          );
        if (this.#stopped) return;
        this.#cancelReopen = clock.schedule(pauseMs(this.#failures, REOPEN, random), () => void this.#open());
      },
    );
    return this.#opening;
  }

  #handlers(): DmiHandlers {
    return {
      mapperRegister: async (request, call) => {
        if (!this.#mayRegister(""))
          throw new DmiFault("RESOURCE_EXHAUSTED", "rate", "mappers register too often");
        const response = await this.#mappers.register(request, call);
        this.#lookOver();
        return response;
      },
      reportDeviceStatus: (request) => this.#reportStatus(request),
      reportDeviceStates: (request) => this.#reportState(request),
    };
  }

  /** @throws {DmiFault} INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED */
  #reported(request: ReportDeviceStatusRequest | ReportDeviceStatesRequest): StoredObject {
    checkNames(request);
    const key = deviceKey(request.deviceNamespace, request.deviceName);
    const object = this.#deps.store.get(`device/${key}`);
    if (!this.#mayReport(this.#desired().protocols.get(key) ?? ""))
      throw new DmiFault("RESOURCE_EXHAUSTED", "rate", "this protocol's devices report too often");
    if (object === undefined)
      throw new DmiFault("NOT_FOUND", "device", "this node has no device of that namespace and name");
    return object;
  }

  #reportStatus(request: ReportDeviceStatusRequest): void {
    const { namespace, name, uid, value } = this.#reported(request);
    const device = value as Device;
    const modelKey = `devicemodel/${deviceKey(namespace, device.spec?.deviceModelRef?.name ?? "")}`;
    const model = this.#deps.store.get(modelKey)?.value as DeviceModel | undefined;
    const { maxReportTwins, maxValueChars } = this.#options;
    const nowMs = this.#deps.clock.nowMs();
    const { reports, unknown } = checkReport(request, device, model, {
      maxReportTwins,
      maxValueChars,
      nowMs,
    });
    if (unknown > 0) this.#metrics.dropped.inc({ reason: "property" }, unknown);
    if (this.#reporter.twins(deviceKey(namespace, name), uid, reports)) return;
    this.#metrics.dropped.inc({ reason: "room" }, reports.length);
    throw new DmiFault("RESOURCE_EXHAUSTED", "room", "there is no room for more values");
  }

  #reportState(request: ReportDeviceStatesRequest): void {
    const state = checkState(request);
    const { namespace, name, uid } = this.#reported(request);
    this.#reporter.state(deviceKey(namespace, name), uid, state);
  }
}

/** The part of the agent that serves devices. Nothing happens before `start()`. */
export function createDeviceRoom(deps: DeviceRoomDeps): DeviceRoom {
  return new Room(deps);
}
