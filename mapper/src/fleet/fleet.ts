// SPDX-License-Identifier: Apache-2.0
import type { Device, DeviceModel } from "@longshore/crds/dmi";
import type { DeviceDeps } from "../device/context.ts";
import { keyOf, modelKeyOf, namespaceOf } from "../device/name.ts";
import { planDevice } from "../device/plan.ts";
import { startDevice, type DeviceFigures, type DeviceRuntime } from "../device/runtime.ts";
import { MapperError } from "../errors.ts";
import { withFields } from "../log.ts";
import type { FleetApi } from "../rest/port.ts";
import { createFleetApi } from "./api.ts";
import { createRefusals } from "./refusals.ts";

/** What the edge gave away at one moment: keys that it changed by a call since then are newer than it. */
export interface Snapshot {
  readonly touchedDevices: Set<string>;
  readonly touchedModels: Set<string>;
}

/** All devices and models of this mapper. A device runs while both it and its model are there. */
export interface Fleet {
  /** @throws {MapperError} INVALID_DEVICE, LIMIT_EXCEEDED, STOPPED */
  putModel(model: DeviceModel): void;
  removeModel(key: string): void;
  /** @throws {MapperError} INVALID_DEVICE, LIMIT_EXCEEDED, STOPPED */
  putDevice(device: Device): void;
  /** Resolves when the device is closed; removing what is unknown is done at once. */
  removeDevice(key: string): Promise<void>;
  /** @throws {MapperError} NOT_FOUND */
  getDevice(key: string): Device;
  /** To be taken before asking the edge for its whole set, and given back with the answer. */
  snapshot(): Snapshot;
  /** Makes this the whole set: what is not in it is removed. */
  replaceAll(set: { models: readonly DeviceModel[]; devices: readonly Device[] }, since: Snapshot): void;
  edgeReady(): void;
  /** Names of the devices that run, sorted. */
  readonly running: () => readonly string[];
  readonly api: FleetApi;
  figures(): readonly DeviceFigures[];
  stop(): Promise<void>;
}

/** @param protocol devices of other protocols are refused */
export function createFleet(deps: DeviceDeps, protocol: string): Fleet {
  const { counters, dataPlane, log, options } = deps;
  const refusals = createRefusals(counters, log);
  const models = new Map<string, DeviceModel>();
  const devices = new Map<string, Device>();
  const runtimes = new Map<string, DeviceRuntime>();
  const closing = new Map<string, Promise<void>>();
  let since: Snapshot | undefined;
  let isStopped = false;

  function halt(key: string): Promise<void> {
    const runtime = runtimes.get(key);
    if (!runtime) return closing.get(key) ?? Promise.resolve();
    runtimes.delete(key);
    log.info({ device: key }, "device stopped");
    const closed = runtime.stop().finally(() => {
      if (closing.get(key) === closed) closing.delete(key);
    });
    closing.set(key, closed);
    return closed;
  }

  /** Makes what runs under a key what it should be. */
  function settle(key: string): Promise<void> {
    const device = devices.get(key);
    const model = device && models.get(modelKeyOf(device));
    if (!device || !model || isStopped) {
      if (device && !isStopped)
        log.warn({ device: key, model: modelKeyOf(device) }, "device waits for its model");
      return halt(key);
    }
    const { plan, refused } = planDevice(device, model, options);
    refusals.of(key, refused);
    const runtime = runtimes.get(key);
    if (runtime) runtime.update(plan);
    else {
      log.info({ device: key, properties: plan.properties.length }, "device started");
      const after = closing.get(key) ?? Promise.resolve();
      runtimes.set(key, startDevice({ ...deps, log: withFields(log, { device: key }) }, plan, after));
    }
    return Promise.resolve();
  }

  function settleUsers(modelKey: string): void {
    for (const [key, device] of devices)
      if (modelKeyOf(device) === modelKey) tolerant(key, () => void settle(key));
  }

  function putModel(model: DeviceModel): void {
    const key = checked(model.name, keyOf(model), models, options.maxModels);
    models.set(key, model);
    settleUsers(key);
  }

  function putDevice(device: Device): void {
    const said = device.spec?.protocol?.protocolName ?? "";
    if (said !== protocol)
      throw new MapperError("INVALID_DEVICE", `the device speaks ${said || "no protocol"}`);
    const key = checked(device.name, keyOf(device), devices, options.maxDevices);
    devices.set(key, device);
    void settle(key);
  }

  function checked(name: string, key: string, known: ReadonlyMap<string, unknown>, limit: number): string {
    if (isStopped) throw new MapperError("STOPPED", "the mapper is stopping");
    if (name === "") throw new MapperError("INVALID_DEVICE", "it has no name");
    if (!known.has(key) && known.size >= limit) throw new MapperError("LIMIT_EXCEEDED", `more than ${limit}`);
    return key;
  }

  function removeDevice(key: string): Promise<void> {
    const device = devices.get(key);
    devices.delete(key);
    const closed = settle(key); // from here on it pushes nothing
    if (device) dataPlane.forget({ namespace: namespaceOf(device.namespace), name: device.name });
    refusals.forget(key);
    return closed;
  }

  function removeModel(key: string): void {
    models.delete(key);
    settleUsers(key);
  }

  /** One that cannot be taken does not keep the others out. */
  function tolerant(key: string, put: () => void): void {
    try {
      put();
    } catch (error) {
      counters.add("refusedInput");
      log.warn(
        { key, reason: error instanceof MapperError ? error.message : "fault" },
        "refused from the edge's set",
      );
    }
  }

  return {
    putModel: (model) => {
      since?.touchedModels.add(keyOf(model));
      putModel(model);
    },
    putDevice: (device) => {
      since?.touchedDevices.add(keyOf(device));
      putDevice(device);
    },
    removeModel: (key) => {
      since?.touchedModels.add(key);
      removeModel(key);
    },
    removeDevice: (key) => {
      since?.touchedDevices.add(key);
      return removeDevice(key);
    },
    getDevice: (key) => {
      const device = devices.get(key);
      if (!device) throw new MapperError("NOT_FOUND", "no such device");
      const { reportToCloud = false, reportCycle = 0n } = device.status ?? {};
      const twins = [...(runtimes.get(key)?.twins() ?? [])];
      return { ...device, status: { twins, reportToCloud, reportCycle } };
    },
    snapshot: () => {
      since = { touchedDevices: new Set(), touchedModels: new Set() };
      return since;
    },
    replaceAll: (set, { touchedDevices, touchedModels }) => {
      since = undefined;
      const wantedModels = new Set(set.models.map(keyOf));
      const wantedDevices = new Set(set.devices.map(keyOf));
      const stale = (known: Iterable<string>, wanted: ReadonlySet<string>, touched: ReadonlySet<string>) =>
        [...known].filter((key) => !wanted.has(key) && !touched.has(key));
      for (const key of stale(devices.keys(), wantedDevices, touchedDevices)) void removeDevice(key);
      for (const key of stale(models.keys(), wantedModels, touchedModels)) removeModel(key);
      for (const model of set.models.filter((given) => !touchedModels.has(keyOf(given)))) {
        tolerant(keyOf(model), () => putModel(model));
      }
      for (const device of set.devices.filter((given) => !touchedDevices.has(keyOf(given)))) {
        tolerant(keyOf(device), () => putDevice(device));
      }
    },
    edgeReady: () => runtimes.forEach((runtime) => runtime.edgeReady()),
    running: () => [...runtimes.keys()].sort(),
    api: createFleetApi({ models, devices, runtimes }),
    figures: () => [...runtimes.values()].map((runtime) => runtime.figures()),
    stop: async () => {
      isStopped = true;
      await Promise.all([...runtimes.keys()].map(halt));
      await Promise.all(closing.values());
      devices.clear();
      models.clear();
    },
  };
}
