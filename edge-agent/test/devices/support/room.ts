// SPDX-License-Identifier: Apache-2.0
import * as dmi from "@longshore/crds/dmi";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { type Clock, systemClock } from "../../../src/clock.ts";
import type { CallerOptions } from "../../../src/devices/callers.ts";
import type { EmitEvent } from "../../../src/events.ts";
import { createDeviceRoom, type DeviceOptions, type DeviceRoom } from "../../../src/devices/index.ts";
import { createMapperClient, mapperAddress, openDmiServer } from "../../../src/dmi/index.ts";
import type { OpenDmiServer } from "../../../src/dmi/port.ts";
import { fakeLog, until } from "../../tunnel/fakes.ts";
import { MemoryStore, MemoryRecords } from "./memory.ts";
import { FakeCloud } from "./fake-cloud.ts";
import { type MapperSide, mapperSide } from "./mapper-side.ts";
import { device, model } from "./objects.ts";
import type { FakeMapper } from "./fake-mapper.ts";

export interface Bench {
  readonly dir: string;
  readonly socketPath: string;
  readonly mapperPath: string;
  readonly store: MemoryStore;
  readonly records: MemoryRecords;
  readonly cloud: FakeCloud;
  readonly registry: Registry;
  readonly lines: string[];
  readonly room: DeviceRoom;
  readonly side: MapperSide;
  /** Another agent on the same records and store, as after a crash. */
  readonly restart: (overrides?: Partial<BenchOptions>) => Promise<Bench>;
  readonly register: (options?: {
    withData?: boolean;
    protocol?: string;
    address?: string;
  }) => Promise<dmi.MapperRegisterResponse>;
  readonly report: (property: string, value: string, device?: string) => Promise<unknown>;
  readonly metric: (name: string, labels: Record<string, string>) => Promise<number>;
  readonly stop: () => Promise<void>;
}

export interface BenchOptions {
  readonly store: MemoryStore;
  readonly records: MemoryRecords;
  readonly cloud: FakeCloud;
  readonly clock: Clock;
  readonly options: Partial<DeviceOptions>;
  readonly openServer: OpenDmiServer;
  readonly dir: string;
  /** Deadline of a call to a mapper. */
  readonly callTimeoutMs: number;
  readonly callers: CallerOptions;
  readonly emit: EmitEvent;
}

/** The room on a real socket, with a store and a cloud in memory. */
export async function startRoom(overrides: Partial<BenchOptions> = {}): Promise<Bench> {
  const dir = overrides.dir ?? mkdtempSync(join(tmpdir(), "dmi-"));
  const { store = new MemoryStore(), records = new MemoryRecords(), cloud = new FakeCloud() } = overrides;
  const [socketPath, mapperPath] = [join(dir, "dmi.sock"), join(dir, "mapper.sock")];
  const registry = new Registry();
  const log = fakeLog();
  let ids = 0;
  const room = createDeviceRoom({
    store,
    records,
    uplink: cloud,
    openServer: overrides.openServer ?? openDmiServer,
    dial: () =>
      createMapperClient(mapperPath, {
        connectTimeoutMs: 200,
        ...(overrides.callTimeoutMs !== undefined && { timeoutMs: overrides.callTimeoutMs }),
      }),
    address: mapperAddress,
    clock: overrides.clock ?? systemClock,
    log,
    registry,
    newId: () => `id-${++ids}`,
    random: () => 0.5,
    ...(overrides.callers && { callers: overrides.callers }),
    ...(overrides.emit && { emit: overrides.emit }),
    options: { socketPath, minGapMs: 10, repeatSpreadMs: 20, writeBehindMs: 20, ...overrides.options },
  });
  await room.start();
  const side = mapperSide(socketPath);
  const bench: Bench = {
    dir,
    socketPath,
    mapperPath,
    store,
    records,
    cloud,
    registry,
    lines: log.lines,
    room,
    side,
    restart: (more = {}) => startRoom({ ...overrides, store, records, cloud, dir, ...more }),
    register: ({ withData = true, protocol = "thermo", address = mapperPath } = {}) =>
      side.call(dmi.DeviceManagerService.mapperRegister, {
        withData,
        mapper: {
          name: "m",
          version: "v1",
          apiVersion: "v1",
          protocol,
          address: Buffer.from(address),
          state: "ok",
        },
      }),
    report: (property, value, deviceName = "d1") =>
      side.call(dmi.DeviceManagerService.reportDeviceStatus, {
        deviceName,
        deviceNamespace: "default",
        reportedDevice: dmi.DeviceStatus.create({
          twins: [{ propertyName: property, observedDesired: { value: "20" }, reported: { value } }],
        }),
      }),
    metric: async (name, labels) => {
      const metric = (await registry.getMetricsAsJSON()).find((m) => m.name === name);
      const match = metric?.values.find((v) =>
        Object.entries(labels).every(([k, want]) => (v.labels as Record<string, unknown>)[k] === want),
      );
      return match?.value ?? 0;
    },
    stop: async () => {
      side.close();
      await room.stop();
    },
  };
  return bench;
}

/** The mapper registers first and holds m and d1, told by calls. */
export async function serveOneDevice(bench: Bench, mapper: FakeMapper): Promise<void> {
  await bench.register();
  await mapper.listen();
  bench.store.put(model());
  bench.store.put(device());
  await until(() => mapper.devices.has("d1"), "the device at the mapper");
}
