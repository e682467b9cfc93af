// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { CallContext, Driver } from "@longshore/mapper";
import type { DeviceDeps } from "../../src/device/context.ts";
import { startDevice, type DeviceRuntime } from "../../src/device/runtime.ts";
import { settle, type FakeClock } from "../support/fake-clock.ts";
import { aDevice, aLog, aModel } from "../support/gen.ts";
import { DONE, plan, world } from "../support/world.ts";

describe("a running device", () => {
  let running: DeviceRuntime | undefined;
  let clock: FakeClock | undefined;
  const run = (w: ReturnType<typeof world>, change: Parameters<typeof aDevice>[0] = {}, after = DONE) => {
    clock = w.clock;
    running = startDevice(w.deps, plan(change), after);
    return running;
  };
  beforeEach(() => {
    running = undefined;
  });
  afterEach(async () => {
    const stopped = running?.stop();
    await clock?.advance(60_000);
    await stopped;
    expect(clock?.timers() ?? 0).toBe(0);
  });

  it("A14 reports the first reading of each property at once, with value, time and type", async () => {
    const w = world();
    run(w);
    await w.clock.advance(0);
    const first = w.reports.flat();
    expect(first.map(({ propertyName }) => propertyName).sort()).toStrictEqual(["target", "temperature"]);
    expect(first.find(({ propertyName }) => propertyName === "temperature")).toStrictEqual({
      propertyName: "temperature",
      reported: { value: "21.5", metadata: { timestamp: String(w.clock.nowMs()), type: "float" } },
      observedDesired: { value: "", metadata: { type: "float" } },
    });
  });

  it("reads at collectCycle and reports the newest reading at reportCycle, all properties in one call", async () => {
    let reads = 0;
    const w = world({ read: () => ++reads });
    run(w);
    await w.clock.advance(0);
    const before = w.reports.length;
    await w.clock.advance(5_100);
    expect(reads).toBe(12);
    expect(w.reports.slice(before)).toHaveLength(1);
    expect(w.reports.at(-1)?.map(({ reported }) => reported?.value)).toStrictEqual(["11", "12"]);
  });

  it("reports nothing with reportToCloud false", async () => {
    const w = world();
    run(w, { properties: [{ name: "temperature", collectCycle: 1000n, reportToCloud: false }] });
    await w.clock.advance(60_000);
    expect(w.counters.read().reads).toBeGreaterThan(50);
    expect(w.reports).toHaveLength(0);
  });

  it("A13 writes a changed desired value once, and reports what it made of it at once", async () => {
    const w = world();
    const device = run(w, { target: "20" });
    await w.clock.advance(10_000);
    device.update(plan({ target: "25" }));
    device.update(plan({ target: "25" }));
    await w.clock.advance(0);
    expect(w.written).toStrictEqual([20, 25]);
    expect(w.reports.at(-1)?.at(-1)?.observedDesired?.value).toBe("25");
    await w.clock.advance(60_000);
    expect(w.written).toStrictEqual([20, 25]);
    expect(w.calls.opens).toBe(1);
  });

  const ranged = (maximum: string, unit = "") => {
    const model = aModel({ maximum });
    model.spec!.properties[1]!.unit = unit;
    return model;
  };

  it("writes a settled desired value no second time when the model's range and unit change around it", async () => {
    const w = world();
    const device = run(w, { target: "20" });
    await w.clock.advance(10_000);
    device.update(plan({ target: "20" }, ranged("40", "K")));
    device.update(plan({ target: "20" }, ranged("1000", "C")));
    await w.clock.advance(10_000);
    expect(w.written).toStrictEqual([20]);
    expect(w.calls.opens).toBe(1);
    expect(w.counters.read().refusedDesired).toBe(0);
  });

  it("writes a refused desired value once the model allows it", async () => {
    const w = world();
    const device = run(w, { target: "500", stateCycle: 1000n });
    await w.clock.advance(2_000);
    device.update(plan({ target: "500", stateCycle: 1000n }, ranged("1000")));
    await w.clock.advance(2_000);
    expect(w.written).toStrictEqual([500]);
    expect(w.states.at(-1)).toBe("online");
  });

  it("refuses a written desired value once the model no longer allows it, visibly, and does not write it", async () => {
    const w = world();
    const device = run(w, { target: "20", stateCycle: 1000n });
    await w.clock.advance(2_000);
    device.update(plan({ target: "20", stateCycle: 1000n }, ranged("10")));
    await w.clock.advance(5_000);
    expect(w.written).toStrictEqual([20]);
    expect(w.counters.read().refusedDesired).toBe(1);
    expect(w.states.at(-1)).toBe("unhealthy");
  });

  it("refuses what its driver cannot write once, however often the device comes again", async () => {
    const w = world();
    const driver: Driver = { open: () => ({ read: () => 1 }) };
    clock = w.clock;
    running = startDevice({ ...w.deps, driver }, plan({ target: "20" }), DONE);
    await w.clock.advance(1_000);
    for (const maximum of ["50", "60", "70"]) {
      running.update(plan({ target: "20" }, ranged(maximum)));
      await w.clock.advance(1_000);
    }
    expect(w.counters.read().refusedDesired).toBe(1);
  });

  /** Reports are answered only when the test says so. */
  const slowly = (w: ReturnType<typeof world>): (() => void) => {
    const answers: (() => void)[] = [];
    const { edge } = w.deps;
    const status = edge.status.bind(edge);
    edge.status = async (...call) => {
      const result = await status(...call);
      await new Promise<void>((resolve) => answers.push(resolve));
      return result;
    };
    return () => answers.splice(0).forEach((answer) => answer());
  };

  it("A13 reports at once what a write made of the device, even when the report of its wish is still under way", async () => {
    const slow: { write?: Promise<void>; end?: () => void } = {};
    const w = world({ write: () => slow.write });
    const device = run(w, { target: "20" });
    await w.clock.advance(10_000);
    slow.write = new Promise((resolve) => (slow.end = resolve));
    const answer = slowly(w);
    device.update(plan({ target: "25" }));
    await w.clock.advance(0);
    const before = w.reports.length;
    expect(w.written).toStrictEqual([20]);
    slow.end?.();
    await w.clock.advance(0);
    expect(w.written).toStrictEqual([20, 25]);
    answer();
    await w.clock.advance(0);
    expect(w.reports.length).toBe(before + 1);
    answer();
    await w.clock.advance(0);
  });

  it("takes it that a property is reported no more while a report of it is under way", async () => {
    const w = world();
    const answer = slowly(w);
    const property = { name: "temperature", collectCycle: 1000n, reportCycle: 1000n };
    const device = run(w, { properties: [{ ...property, reportToCloud: true }] });
    await w.clock.advance(0);
    device.update(plan({ properties: [{ ...property, reportToCloud: false }] }));
    answer();
    await w.clock.advance(0);
    expect(w.faults).toStrictEqual([]);
  });

  it("tells an edge that is there again everything it knows: the last one may have died with what it was told", async () => {
    const w = world();
    const hourly = [
      { name: "temperature", collectCycle: 3_600_000n, reportCycle: 3_600_000n, reportToCloud: true },
    ];
    const device = run(w, { properties: hourly, stateCycle: 3_600_000n });
    await w.clock.advance(60_000);
    const [reports, states] = [w.reports.length, w.states.length];
    device.edgeReady();
    await w.clock.advance(0);
    expect(
      w.reports
        .slice(reports)
        .flat()
        .map(({ reported }) => reported?.value),
    ).toStrictEqual(["21.5"]);
    expect(w.states.slice(states)).toStrictEqual(["online"]);
  });

  it("tries a write that fails again, later and later, and only the newest value", async () => {
    let failures = 3;
    const w = world({
      write: () => {
        if (failures-- > 0) throw new Error("valve stuck");
      },
    });
    const device = run(w, { target: "20", stateCycle: 1000n });
    await w.clock.advance(600);
    expect(w.written).toStrictEqual([]);
    expect(w.states.at(-1)).toBe("unhealthy");
    device.update(plan({ target: "30", stateCycle: 1000n }));
    await w.clock.advance(10_000);
    expect(w.written).toStrictEqual([30]);
    expect(w.states.at(-1)).toBe("online");
    expect(w.counters.read()).toMatchObject({ writeFailures: 3, writes: 4 });
  });

  it.each([
    { why: "out of range", change: { target: "500" } },
    { why: "of another type", change: { target: "warm" } },
    {
      why: "of a read-only property",
      change: { properties: [{ name: "temperature", desired: { value: "3" } }] },
    },
  ])("never writes a desired value $why, and says so once", async ({ change }) => {
    const w = world();
    run(w, { ...change, stateCycle: 1000n });
    await w.clock.advance(30_000);
    expect(w.written).toStrictEqual([]);
    expect(w.counters.read().refusedDesired).toBe(1);
    expect(w.states.at(-1)).toBe("unhealthy");
  });

  it("keeps only the newest reading while the edge is away, and sends it when it is back", async () => {
    const w = world();
    w.edge.isReady = false;
    const device = run(w);
    await w.clock.advance(60_000);
    expect(w.reports).toHaveLength(0);
    w.edge.isReady = true;
    device.edgeReady();
    await w.clock.advance(0);
    expect(w.reports).toHaveLength(1);
    expect(w.reports[0]?.[0]?.reported?.metadata["timestamp"]).toBe(String(w.clock.nowMs()));
  });

  it("sends a report again when the edge did not take it", async () => {
    const w = world();
    let failures = 2;
    w.edge.answer = () => (failures-- > 0 ? "later" : "taken");
    run(w);
    await w.clock.advance(3_000);
    expect(w.reports.length).toBeGreaterThan(0);
    expect(w.counters.read().reportFailures).toBe(2);
  });

  it("sends twins singly when the edge refuses them together, so that one bad twin keeps no other back", async () => {
    const w = world();
    const deps = {
      ...w.deps,
      edge: {
        ...w.deps.edge,
        status: ((device, twins, signal) =>
          twins.some(({ propertyName }) => propertyName === "target")
            ? Promise.resolve("refused")
            : w.deps.edge.status(device, twins, signal)) satisfies DeviceDeps["edge"]["status"],
      },
    };
    clock = w.clock;
    running = startDevice(deps, plan(), DONE);
    await w.clock.advance(30_000);
    expect(w.reports.length).toBeGreaterThanOrEqual(6);
    expect(w.reports.flat().every(({ propertyName }) => propertyName === "temperature")).toBe(true);
  });

  it("is offline after three failed reads in a row, opens the device anew, and is online again", async () => {
    let isBroken = false;
    const w = world({
      read: () => {
        if (isBroken) throw new Error("no answer");
        return 1;
      },
    });
    run(w, { stateCycle: 60_000n });
    await w.clock.advance(1_500);
    expect(w.states).toStrictEqual(["online"]);
    isBroken = true;
    await w.clock.advance(1_600);
    expect(w.states.at(-1)).toBe("offline");
    isBroken = false;
    await w.clock.advance(31_000);
    expect(w.states.at(-1)).toBe("online");
    expect(w.calls).toMatchObject({ most: 1 });
    expect(w.calls.opens).toBe(w.calls.closes + 1);
  });

  it("gives a handle up whose call goes on after its abort, and stops opening at three of them", async () => {
    const ends: (() => void)[] = [];
    const w = world({ read: () => new Promise<number>((resolve) => ends.push(() => resolve(1))) });
    run(w, { stateCycle: 1_000n });
    await w.clock.advance(300_000);
    expect(w.calls.opens).toBe(3);
    expect(w.states.at(-1)).toBe("offline");
    expect(w.counters.read().driverHangs).toBe(3);
    ends[0]?.();
    await w.clock.advance(30_000);
    expect(w.calls.opens).toBe(4);
    ends.forEach((end) => end());
  });

  it("does not give a handle up whose call ends on its abort", async () => {
    const w = world({
      read: (_, { signal }: CallContext) =>
        new Promise<number>((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        }),
    });
    run(w);
    await w.clock.advance(5_500);
    expect(w.counters.read()).toMatchObject({ driverHangs: 0, readFailures: 1, opens: 1 });
  });

  it("opens the device anew when the way to it changes, and writes the desired value there too", async () => {
    const w = world();
    const device = run(w, { target: "20" });
    await w.clock.advance(1_000);
    device.update(plan({ target: "20", host: "b" }));
    await w.clock.advance(0);
    expect(w.calls).toMatchObject({ opens: 2, closes: 1 });
    expect(w.written).toStrictEqual([20, 20]);
  });

  it("takes the device's own word for its state", async () => {
    const w = world({ state: () => "unhealthy" });
    run(w, { stateCycle: 1_000n });
    await w.clock.advance(2_000);
    expect(w.states.at(-1)).toBe("unhealthy");
  });

  it("waits for the end of the device that had its name before", async () => {
    const w = world();
    let end = (): void => undefined;
    run(w, {}, new Promise((resolve) => (end = resolve)));
    await w.clock.advance(10_000);
    expect(w.calls.opens).toBe(0);
    end();
    await settle();
    expect(w.calls.opens).toBe(1);
  });

  it("refuses a reading of another type, and goes on", async () => {
    const w = world({ read: () => "warm" });
    run(w, { stateCycle: 1_000n });
    await w.clock.advance(10_000);
    expect(w.reports).toHaveLength(0);
    expect(w.counters.read().refusedReadings).toBeGreaterThan(10);
    expect(
      (w.deps.log as ReturnType<typeof aLog>).lines.filter(({ level }) => level === "warn"),
    ).toHaveLength(2);
  });

  it("does not call a device online only because it opens", async () => {
    const w = world({
      read: () => {
        throw new Error("no answer");
      },
    });
    run(w, { stateCycle: 1_000n });
    await w.clock.advance(300_000);
    expect(w.calls.opens).toBeGreaterThan(3);
    expect(new Set(w.states)).toStrictEqual(new Set(["offline"]));
  });

  it("asks the edge again after its pause, not with every reading", async () => {
    const w = world();
    w.edge.answer = () => "later";
    const device = run(w, { collectCycle: 100n, reportCycle: 100n });
    await w.clock.advance(60_000);
    expect(w.counters.read().reads).toBeGreaterThan(1_000);
    expect(w.counters.read().reportFailures).toBeLessThan(12);
    w.edge.answer = () => "taken";
    device.edgeReady();
    await w.clock.advance(0);
    expect(w.reports.length).toBeGreaterThan(0);
  });

  it("opens at once when the way to the device changes, however often the last one failed", async () => {
    let host = "";
    const w = world();
    const opening: Driver = {
      open: (device) => {
        host = String(device.config["host"]);
        if (host === "a") throw new Error("nobody there");
        return { read: () => 1 };
      },
    };
    clock = w.clock;
    running = startDevice({ ...w.deps, driver: opening }, plan(), DONE);
    await w.clock.advance(120_000);
    running.update(plan({ host: "b" }));
    await w.clock.advance(0);
    expect(host).toBe("b");
    expect(w.reports.length).toBeGreaterThan(0);
  });

  it("says why a device does not open, once for each reason", async () => {
    const w = world();
    const log = aLog();
    let reason = "nobody there";
    const driver: Driver = { open: () => Promise.reject(new Error(reason)) };
    clock = w.clock;
    running = startDevice({ ...w.deps, log, driver }, plan(), DONE);
    await w.clock.advance(120_000);
    reason = "wrong password";
    await w.clock.advance(120_000);
    const told = log.lines.filter(({ level }) => level === "warn");
    expect(told.map(({ fields }) => fields)).toEqual([
      { reason: "nobody there" },
      { reason: "wrong password" },
    ]);
  });

  it("is stopped in time even when it is told so during the grace of a call that hangs", async () => {
    const w = world({ read: () => new Promise(() => undefined) });
    const device = run(w);
    await w.clock.advance(5_500);
    let isStopped = false;
    void device.stop().then(() => (isStopped = true));
    await w.clock.advance(1_000);
    expect(isStopped).toBe(true);
    expect(w.calls.opens).toBe(w.calls.closes);
  });
});
