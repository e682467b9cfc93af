// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createMapper,
  type Device,
  type Driver,
  type Mapper,
  type MapperConfig,
  type Value,
} from "@longshore/mapper";
import { createTestEdge, dialMapper, status, type TestEdge } from "./support/edge.ts";
import { aDevice, aLog, aModel } from "./support/gen.ts";

/** Real sockets and real time: waits for what must come, and fails when it does not. */
async function until(isTrue: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("a mapper on real sockets", () => {
  let dir: string;
  let edge: TestEdge;
  let mapper: Mapper | undefined;
  const opened: Device[] = [];
  const closed: string[] = [];
  const written: Value[] = [];
  const driver: Driver = {
    open: (device) => {
      opened.push(device);
      if (device.name === "hangs") return { read: () => new Promise(() => undefined) };
      return {
        read: ({ name }) => (name === "target" ? 20 : 21.5),
        write: (_, value) => void written.push(value),
        close: () => void closed.push(device.name),
      };
    },
  };
  const address = () => join(dir, "mapper.sock");
  const make = (change: Partial<MapperConfig> = {}): Mapper =>
    (mapper = createMapper({
      name: "test-mapper",
      version: "v1.0.0",
      protocol: "virtual",
      address: address(),
      dmiSocket: join(dir, "dmi.sock"),
      driver,
      log: aLog(),
      ...change,
    }));
  const fast = { collectCycle: 100n, reportCycle: 100n };

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "mapper-"));
    chmodSync(dir, 0o700);
    edge = createTestEdge(join(dir, "dmi.sock"));
    [opened, closed, written].forEach((list) => (list.length = 0));
  });
  afterEach(async () => {
    await mapper?.stop();
    mapper = undefined;
    edge.crash();
    rmSync(dir, { recursive: true, force: true });
  });

  it("registers with data as KubeEdge's mappers do, and runs what the answer holds", async () => {
    await edge.start();
    edge.set = { models: [aModel()], devices: [aDevice(fast)] };
    await make().start();
    await until(() => edge.reports.length > 2, "reports");
    expect(edge.registrations).toStrictEqual([
      {
        withData: true,
        mapper: {
          name: "test-mapper",
          version: "v1.0.0",
          apiVersion: "v1beta1",
          protocol: "virtual",
          address: Buffer.from(address()),
          state: "ok",
        },
      },
    ]);
    expect(edge.reports[0]).toMatchObject({ deviceName: "hall", deviceNamespace: "default" });
    expect(opened[0]).toMatchObject({ id: "default/hall", config: { host: "a" } });
  });

  it("serves all seven calls, each as good twice as once", async () => {
    await edge.start();
    await make().start();
    await until(() => mapper!.isRegistered(), "registration");
    const calls = dialMapper(address());
    const id = { deviceNamespace: "default", deviceName: "hall" };
    const twice = async <T>(call: () => Promise<T>): Promise<T> => {
      await call();
      return call();
    };
    expect(await twice(() => calls.createDeviceModel({ model: aModel() }))).toStrictEqual({
      deviceModelName: "thermometer",
      deviceModelNamespace: "default",
    });
    expect(await twice(() => calls.registerDevice({ device: aDevice({ target: "20" }) }))).toStrictEqual(id);
    await until(() => written.length > 0, "the first write");
    await twice(() => calls.updateDevice({ device: aDevice({ target: "30" }) }));
    await twice(() => calls.updateDeviceModel({ model: aModel({ maximum: "40" }) }));
    await until(() => written.includes(30), "the second write");
    const { device } = await twice(() => calls.getDevice(id));
    expect(device?.status?.twins.map(({ propertyName }) => propertyName)).toContain("target");
    await twice(() => calls.removeDevice(id));
    expect(mapper?.devices()).toStrictEqual([]);
    expect(closed.length).toBe(opened.length);
    await twice(() => calls.removeDeviceModel({ modelNamespace: "default", modelName: "thermometer" }));
    await expect(calls.getDevice(id)).rejects.toMatchObject({ code: status.NOT_FOUND });
    expect(written).toStrictEqual([20, 30]);
    calls.close();
  });

  it("refuses what makes no sense, counts it, and goes on", async () => {
    await edge.start();
    await make().start();
    const calls = dialMapper(address());
    await expect(calls.registerDevice({})).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    await expect(calls.createDeviceModel({})).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    await expect(calls.raw("RegisterDevice", Buffer.from([0xff, 0xff, 0xff]))).rejects.toMatchObject({
      code: expect.any(Number),
    });
    await expect(calls.raw("RegisterDevice", Buffer.alloc(17 * 1024 * 1024))).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    });
    await calls.createDeviceModel({ model: aModel() });
    expect(mapper?.counters().refusedInput).toBe(2);
    calls.close();
  });

  it("finds an edge that comes later, and one that comes back, with what it has then", async () => {
    await make().start();
    await until(() => mapper!.counters().registrationFailures > 1, "failed registrations");
    await edge.start();
    edge.set = { models: [aModel()], devices: [aDevice(fast)] };
    await until(() => edge.reports.length > 0, "reports");
    edge.crash();
    await until(() => !mapper!.isRegistered(), "noticing that the edge is gone");
    rmSync(join(dir, "dmi.sock"), { force: true });
    edge.set = { models: [aModel()], devices: [aDevice({ ...fast, name: "cellar" })] };
    edge.reports.length = 0;
    await edge.start();
    await until(
      () => edge.reports.some(({ deviceName }) => deviceName === "cellar"),
      "reports of the new device",
    );
    expect(mapper?.devices()).toStrictEqual(["default/cellar"]);
  });

  it("shows its token with every call, once the agent has made it, and again when the agent made another", async () => {
    const tokenFile = join(dir, "token");
    edge.wanted = "Bearer first-token-of-16";
    await edge.start();
    edge.set = { models: [aModel()], devices: [aDevice(fast)] };
    await make({ tokenFile, options: { registerCapMs: 200 } }).start();
    await until(() => mapper!.counters().registrationFailures > 1, "refused registrations");
    expect(edge.registrations).toHaveLength(0);
    writeFileSync(tokenFile, "first-token-of-16\n");
    await until(() => edge.reports.length > 1, "reports");
    edge.wanted = "Bearer second-token-of-16";
    writeFileSync(tokenFile, "second-token-of-16\n");
    edge.reports.length = 0;
    await until(() => edge.reports.length > 1, "reports with the other");
    expect(new Set(edge.authorizations)).toStrictEqual(
      new Set(["", "Bearer first-token-of-16", "Bearer second-token-of-16"]),
    );
  });

  it("does not register with a file that holds no token, and says so without what it holds", async () => {
    const tokenFile = join(dir, "token");
    writeFileSync(tokenFile, "two secret words");
    await edge.start();
    const log = aLog();
    await make({ tokenFile, log }).start();
    await until(() => mapper!.counters().registrationFailures > 0, "the failure");
    expect(edge.authorizations).toStrictEqual([]);
    expect(log.lines.find(({ level }) => level === "warn")?.fields).toStrictEqual({
      reason: `${tokenFile} holds no token`,
    });
  });

  it("notices without a report that the edge is gone", async () => {
    await edge.start();
    await make().start();
    await until(() => mapper!.isRegistered(), "registration");
    edge.crash();
    await until(() => !mapper!.isRegistered(), "noticing that the edge is gone");
  });

  it("keeps a device that hangs from hurting the others, and stops in time all the same", async () => {
    await edge.start();
    edge.set = { models: [aModel()], devices: [aDevice({ ...fast, name: "hangs" }), aDevice(fast)] };
    await make({ options: { driverTimeoutMs: 200, abortGraceMs: 100 } }).start();
    await until(() => mapper!.counters().driverHangs > 0, "the hang");
    await until(() => edge.reports.length > 5, "reports of the other");
    expect(edge.reports.every(({ deviceName }) => deviceName === "hall")).toBe(true);
    const startMs = performance.now();
    await mapper?.stop();
    expect(performance.now() - startMs).toBeLessThan(3_000);
    expect(existsSync(address())).toBe(false);
  });

  it("stops at once while a report is under way", async () => {
    await edge.start();
    edge.set = { models: [aModel()], devices: [aDevice(fast)] };
    await make().start();
    await until(() => mapper!.devices().length > 0, "the device");
    edge.isSilent = true;
    const taken = edge.reports.length;
    await until(() => edge.reports.length > taken, "a report without an answer");
    const startMs = performance.now();
    await mapper?.stop();
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  it("replaces the socket of a mapper that was killed, and gives it to its own user alone", async () => {
    const killed = createServer().listen(join(dir, "other.sock"));
    await until(() => existsSync(join(dir, "other.sock")), "the socket");
    renameSync(join(dir, "other.sock"), address());
    await new Promise((resolve) => killed.close(resolve));
    expect(existsSync(address())).toBe(true);
    await make().start();
    expect(statSync(address()).mode & 0o777).toBe(0o600);
  });

  it("leaves the socket alone of the mapper that took its place while it was ending", async () => {
    await edge.start();
    edge.set = { models: [aModel()], devices: [aDevice({ ...fast, name: "hangs" })] };
    const old = make({ options: { driverTimeoutMs: 1_000, abortGraceMs: 1_500 } });
    await old.start();
    await until(() => opened.length > 0, "the device");
    const side = dialMapper(address());
    const removal = side
      .removeDevice({ deviceNamespace: "default", deviceName: "hangs" })
      .catch(() => undefined);
    await until(() => old.devices().length === 0, "a call that takes its time");
    const stopped = old.stop();
    await until(() => !existsSync(address()), "the end of its listening");
    await make().start();
    await Promise.all([stopped, removal]);
    expect(existsSync(address())).toBe(true);
    side.close();
  });

  it("that is stopped while it starts serves nothing afterwards", async () => {
    const early = make();
    const started = early.start();
    await early.stop();
    await started;
    expect(existsSync(address())).toBe(false);
  });

  it.each([
    { why: "a file", path: () => join(dir, "file") },
    { why: "another mapper's", path: () => join(dir, "taken.sock") },
    { why: "longer than sockets may be", path: () => join(dir, "x".repeat(120)) },
    { why: "relative", path: () => "mapper.sock" },
  ])("does not start on a path that is $why", async ({ path }) => {
    writeFileSync(join(dir, "file"), "");
    const other = createServer().listen(join(dir, "taken.sock"));
    await until(() => existsSync(join(dir, "taken.sock")), "the other's socket");
    await expect(make({ address: path() }).start()).rejects.toMatchObject({ code: "SOCKET_UNUSABLE" });
    other.close();
  });

  it.each([{ collectCycleMs: 0 }, { minCycleMs: 10, maxCycleMs: 5 }, { maxDevices: Number.NaN }])(
    "does not take options that make no sense: %p",
    (options) => {
      expect(() => make({ options })).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
    },
  );
});
