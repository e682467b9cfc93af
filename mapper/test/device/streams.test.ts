// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { toAny } from "@longshore/crds/dmi";
import type { StreamContext, StreamProperty } from "@longshore/mapper";
import { startDevice, type DeviceRuntime } from "../../src/device/runtime.ts";
import { aLog, aModel } from "../support/gen.ts";
import { DONE, plan, world } from "../support/world.ts";

const cameraModel = () => {
  const model = aModel();
  model.spec!.properties[0]!.type = "STREAM";
  return model;
};
const camera = (change: { host?: string; format?: string; unit?: string } = {}) => {
  const model = cameraModel();
  model.spec!.properties[1]!.maximum = change.unit ?? "100";
  const configData = { data: { format: toAny(change.format ?? "jpg") } };
  const properties = [
    { name: "temperature", visitors: { protocolName: "virtual", configData } },
    { name: "target", desired: {}, collectCycle: 1000n },
  ];
  return plan(
    { properties, stateCycle: 1000n, ...(change.host !== undefined && { host: change.host }) },
    model,
  );
};

/** Streams that run until the test, or their signal, ends them. */
function studio() {
  const runs: { property: StreamProperty; end: () => void; fail: () => void; isOver: boolean }[] = [];
  const most = { count: 0 };
  const stream = (property: StreamProperty, { signal }: StreamContext): Promise<void> =>
    new Promise<void>((resolve, reject) => {
      const run = { property, end: resolve, fail: () => reject(new Error("no picture")), isOver: false };
      runs.push(run);
      most.count = Math.max(most.count, runs.filter(({ isOver }) => !isOver).length);
      signal.addEventListener("abort", () => resolve());
    }).finally(() => {
      const run = runs.find((one) => one.property === property && !one.isOver);
      if (run) run.isOver = true;
    });
  return { runs, most, stream };
}

describe("a STREAM of a device", () => {
  let running: DeviceRuntime | undefined;
  let w = world();
  const start = (handle: Parameters<typeof world>[0], first = camera()): DeviceRuntime => {
    w = world(handle);
    return (running = startDevice(w.deps, first, DONE));
  };
  afterEach(async () => {
    const stopped = running?.stop();
    await w.clock.advance(60_000);
    await stopped;
    expect(w.clock.timers()).toBe(0);
  });

  it("A20 runs once its device is open, beside the readings, and is never read itself", async () => {
    const { runs, stream } = studio();
    const read: string[] = [];
    start({ stream, read: ({ name }) => read.push(name) });
    await w.clock.advance(10_000);
    expect(runs.map(({ property }) => property)).toStrictEqual([
      { name: "temperature", config: { format: "jpg" } },
    ]);
    expect(new Set(read)).toStrictEqual(new Set(["target"]));
    expect(running?.figures()).toMatchObject({ streams: 1, state: "online" });
  });

  it("is done when it resolves, until its property or the way to its device changes", async () => {
    const { runs, stream } = studio();
    const device = start({ stream });
    await w.clock.advance(0);
    runs[0]?.end();
    await w.clock.advance(60_000);
    device.update(camera({ unit: "50" }));
    await w.clock.advance(1_000);
    expect(runs).toHaveLength(1);
    device.update(camera({ format: "png" }));
    await w.clock.advance(1_000);
    expect(runs.at(-1)?.property.config).toStrictEqual({ format: "png" });
    runs[1]?.end();
    await w.clock.advance(1_000);
    device.update(camera({ format: "png", host: "b" }));
    await w.clock.advance(1_000);
    expect(runs).toHaveLength(3);
  });

  it("is not run again only because its device was opened anew", async () => {
    const { runs, stream } = studio();
    let isBroken = false;
    start({
      stream,
      read: () => {
        if (isBroken) throw new Error("no answer");
        return 1;
      },
    });
    await w.clock.advance(0);
    runs[0]?.end();
    await w.clock.advance(1_000);
    isBroken = true;
    await w.clock.advance(10_000);
    isBroken = false;
    await w.clock.advance(60_000);
    expect(w.calls.opens).toBeGreaterThan(1);
    expect(runs).toHaveLength(1);
  });

  it("starts again after a failure, later and later, and its device is unhealthy meanwhile", async () => {
    let starts = 0;
    start({
      stream: () => {
        starts++;
        return Promise.reject(new Error("no picture"));
      },
    });
    await w.clock.advance(3_000);
    expect(starts).toBe(3);
    expect(w.states.at(-1)).toBe("unhealthy");
    await w.clock.advance(300_000);
    expect(starts).toBeLessThan(20);
    expect(w.counters.read()).toMatchObject({ streams: starts, streamFailures: starts });
  });

  it("is well again when it has run for long", async () => {
    const { runs, stream } = studio();
    start({ stream });
    await w.clock.advance(0);
    runs[0]?.fail();
    await w.clock.advance(2_000);
    expect(running?.figures().state).toBe("unhealthy");
    await w.clock.advance(31_000);
    expect(running?.figures().state).toBe("online");
  });

  it("is one at a time: another begins when the one before has ended", async () => {
    const { runs, most, stream } = studio();
    const device = start({ stream });
    await w.clock.advance(0);
    for (const format of ["png", "bmp", "mp4", "jpg"]) {
      device.update(camera({ format }));
      await w.clock.advance(100);
    }
    expect(runs).toHaveLength(5);
    expect(most.count).toBe(1);
  });

  it("that goes on after its abort is given up, as a call that hangs, and no more than three", async () => {
    let starts = 0;
    const ends: (() => void)[] = [];
    const device = start({
      stream: () => {
        starts++;
        return new Promise((resolve) => ends.push(resolve));
      },
    });
    await w.clock.advance(0);
    for (const format of ["1", "2", "3", "4", "5"]) {
      device.update(camera({ format }));
      await w.clock.advance(2_000);
    }
    expect(starts).toBe(3);
    expect(running?.figures().hungCalls).toBe(3);
    expect(w.counters.read().driverHangs).toBe(3);
    ends[0]?.();
    await w.clock.advance(1_000);
    expect(starts).toBe(4);
  });

  it("ends when its device is closed, and before the handle is", async () => {
    const events: string[] = [];
    const device = start({
      stream: (_, { signal }) =>
        new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())).finally(() =>
          events.push(`ended with ${w.calls.closes} closed`),
        ),
    });
    await w.clock.advance(0);
    await device.stop();
    expect(events).toStrictEqual(["ended with 0 closed"]);
    expect(w.calls.closes).toBe(1);
  });

  it("is refused once, with a reason, where the driver has no streams", async () => {
    const device = start({});
    await w.clock.advance(5_000);
    device.update(camera({ unit: "50" }));
    await w.clock.advance(5_000);
    expect(w.counters.read().refusedInput).toBe(1);
    const lines = (w.deps.log as ReturnType<typeof aLog>).lines.filter(({ level }) => level === "warn");
    expect(lines.map(({ fields }) => fields)).toStrictEqual([
      { property: "temperature", reason: "the driver has no streams" },
    ]);
  });
});
