// SPDX-License-Identifier: Apache-2.0
import type { Device, DeviceModel } from "@longshore/crds/devices";
import type { ReportDeviceStatesRequest, ReportDeviceStatusRequest } from "@longshore/crds/dmi";
import { DmiFault, type DmiCall, type DmiHandlers, type DmiServer } from "../dmi/port.ts";
import type { DesiredEvent, StoredObject } from "../store/port.ts";
import { pauseMs } from "./backoff.ts";
import { Book } from "./book.ts";
import { createBuckets } from "./bucket.ts";
import { ANYBODY, createCallers, type Callers } from "./callers.ts";
import { HealthWatch } from "./health-watch.ts";
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
  reportRate: { perSecond: 10_000, burst: 20_000 },
  registerRate: { perSecond: 1, burst: 100 },
  maxMappers: 64,
  maxReportTwins: 1_000,
  maxValueChars: 16_384,
  maxTotalChars: 16 * 1024 * 1024,
  maxMapperCalls: 4,
  slowCallMs: 1_000,
  gatherMs: 50,
  probeMs: 2_000,
  unreachableAfterMs: 5_000,
};
/** So that one frame stays well below the limits of the wire: 10,000 keys, and chunks of 256 KiB. */
const FRAME = { maxFrameTwins: 500, maxFrameChars: 128 * 1024 };
const REOPEN = { baseMs: 1_000, capMs: 60_000 };
const NOTHING: MapperDesired = { wanted: [], kept: new Set() };

class Room implements DeviceRoom {
  readonly book: Book;
  readonly #deps: DeviceRoomDeps;
  readonly #options: typeof DEFAULTS & DeviceRoomDeps["options"];
  readonly #metrics: DeviceMetrics;
  readonly #mappers: Mappers;
  readonly #reporter: Reporter;
  readonly #health: HealthWatch;
  readonly #callers: Callers;
  readonly #mayReport: (protocol: string) => boolean;
  readonly #mayRegister: (key: string) => boolean;
  readonly #makeView = createDesiredView();
  readonly #stops: (() => void)[] = [];
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
    this.#callers = createCallers({
      ...(deps.callers ?? ANYBODY),
      log,
      doubts: this.#metrics.doubts,
    });
    this.#mayReport = createBuckets(clock, this.#options.reportRate);
    this.#mayRegister = createBuckets(clock, this.#options.registerRate);
    const { maxMapperCalls: maxCalls, slowCallMs, gatherMs, probeMs } = this.#options;
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
      limits: { maxCalls, slowCallMs, gatherMs, probeMs },
      onHealth: () => this.#health.mark(),
      onCall: ({ op, item }, result) => this.#metrics.calls.inc({ call: `${op}_${item.kind}`, result }),
      onRegistered: (count) => this.#metrics.mappers.set(count),
    });
    this.#reporter = this.#createReporter();
    this.#health = this.#createHealth();
    this.book = this.#createBook();
  }

  async start(): Promise<void> {
    const { store } = this.#deps;
    this.#stops.push(
      store.subscribe("device", (event) => this.#onDevice(event)),
      store.subscribe("devicemodel", (event) => this.#onChange(event.object)),
    );
    this.#mappers.start();
    this.#health.look();
    await this.#open();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelReopen?.();
    for (const stop of this.#stops) stop();
    await this.#opening;
    await this.#server?.stop();
    this.#mappers.stop();
    await this.#health.stop();
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

  /** What is said by MQTT is judged like what mappers say. */
  #createBook(): Book {
    const reporter = this.#reporter;
    const { store } = this.#deps;
    return new Book({
      ...this.#deps,
      maxValueChars: this.#options.maxValueChars,
      reporter: {
        twins: (key, uid, reports) => reporter.twins(key, uid, reports),
        held: (key) => reporter.held(key),
        stateOf: (key) => reporter.stateOf(key),
        subscribe: (listener) => reporter.subscribe(listener),
        state: (key, uid, said) => {
          const object = store.get(`device/${key}`);
          if (object?.uid !== uid) return;
          this.#health.said(object, typeof said === "string" ? said : said.state);
        },
      },
    });
  }

  #createHealth(): HealthWatch {
    const { records, clock, log, store, emit = () => undefined } = this.#deps;
    const { gatherMs, writeBehindMs, unreachableAfterMs } = this.#options;
    return new HealthWatch({
      records,
      clock,
      log,
      emit,
      metrics: this.#metrics,
      devices: () => store.list("device"),
      view: () => this.#desired(),
      mapperOf: (protocol) => this.#mappers.of(protocol),
      tell: (key, uid, verdict) => this.#reporter.state(key, uid, verdict),
      storeTold: () => this.#reporter.storeStates(),
      limits: { gatherMs, writeBehindMs, unreachableAfterMs },
    });
  }

  #desired(): DesiredView {
    const { store } = this.#deps;
    this.#view ??= this.#makeView(store.list("device"), store.list("devicemodel"));
    return this.#view;
  }

  #onDevice({ type, object }: DesiredEvent): void {
    const key = deviceKey(object.namespace, object.name);
    if (type === "delete") {
      this.#reporter.forget(key);
      this.#health.forget(key);
    } else this.#reporter.settle(key, object.uid, propertyNames(object.value as Device));
    this.#onChange(object);
  }

  #onChange(object: StoredObject): void {
    this.#view = undefined;
    this.#mappers.wakeAll(object.key);
    this.#health.mark();
  }

  /** A socket that cannot be opened is told once and tried again: everything else of the agent goes on. */
  #open(): Promise<void> {
    const { openServer, clock, log, options, random } = this.#deps;
    const observe = createObserver(clock, log, this.#metrics);
    const { socketPath, maxConnections } = options;
    const where = { socketPath, ...(maxConnections !== undefined && { maxConnections }) };
    this.#opening = openServer(where, this.#handlers(), observe).then(
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
        this.#callers.register(request.mapper?.name ?? "", call);
        const response = await this.#mappers.register(request, call);
        this.#health.mark();
        return response;
      },
      reportDeviceStatus: (request, call) => this.#reportStatus(request, call),
      reportDeviceStates: (request, call) => this.#reportState(request, call),
    };
  }

  /** @throws {DmiFault} INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED, UNAUTHENTICATED, PERMISSION_DENIED */
  #reported(request: ReportDeviceStatusRequest | ReportDeviceStatesRequest, call: DmiCall): StoredObject {
    checkNames(request);
    const key = deviceKey(request.deviceNamespace, request.deviceName);
    const object = this.#deps.store.get(`device/${key}`);
    const protocol = this.#desired().protocols.get(key) ?? "";
    const caller = this.#callers.identify(call);
    if (!this.#mayReport(protocol))
      throw new DmiFault("RESOURCE_EXHAUSTED", "rate", "this protocol's devices report too often");
    if (object === undefined)
      throw new DmiFault("NOT_FOUND", "device", "this node has no device of that namespace and name");
    this.#callers.permit(caller, this.#mappers.of(protocol)?.mapper.name);
    this.#health.heard(protocol);
    return object;
  }

  #reportStatus(request: ReportDeviceStatusRequest, call: DmiCall): void {
    const { namespace, name, uid, value } = this.#reported(request, call);
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

  #reportState(request: ReportDeviceStatesRequest, call: DmiCall): void {
    const state = checkState(request);
    this.#health.said(this.#reported(request, call), state);
  }
}

/** The part of the agent that serves devices. Nothing happens before `start()`. */
export function createDeviceRoom(deps: DeviceRoomDeps): DeviceRoom {
  return new Room(deps);
}
