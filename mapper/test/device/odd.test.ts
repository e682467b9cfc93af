// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import type { Driver } from "@longshore/mapper";
import { startDevice, type DeviceRuntime } from "../../src/device/runtime.ts";
import { aModel } from "../support/gen.ts";
import { DONE, plan, world } from "../support/world.ts";

const NEVER = new AbortController().signal;
/** What some library throws: nothing that can be made text. */
const UNSPEAKABLE: unknown = Object.create(null);
const fail = (error: unknown): never => {
  throw error;
};

describe("a device whose driver does odd things", () => {
  let running: DeviceRuntime | undefined;
  let w = world();
  afterEach(async () => {
    const stopped = running?.stop();
    await w.clock.advance(60_000);
    await stopped;
    expect(w.clock.timers()).toBe(0);
  });

  it("is not told by its old way what is desired of it at the new one that came while it was opened", async () => {
    w = world();
    const opened: (() => void)[] = [];
    const told: string[] = [];
    const driver: Driver = {
      open: async ({ config }) => {
        await new Promise<void>((resolve) => opened.push(resolve));
        const at = String(config["host"]);
        return { read: () => told.push(`read ${at}`), write: () => void told.push(`write ${at}`) };
      },
    };
    running = startDevice({ ...w.deps, driver }, plan({ host: "old", target: "30" }), DONE);
    await w.clock.advance(0);
    running.update(plan({ host: "new", target: "30" }));
    opened[0]?.();
    await w.clock.advance(0);
    opened[1]?.();
    await w.clock.advance(0);
    expect(told[0]).toBe("write new");
    expect(told.filter((call) => call.endsWith("old"))).toStrictEqual([]);
  });

  it.each([undefined, null, 5])(
    "that opens %p is not open, and is tried later and later",
    async (nothing) => {
      w = world();
      let opens = 0;
      const driver = {
        open: () => {
          opens++;
          return nothing;
        },
      } as unknown as Driver;
      running = startDevice({ ...w.deps, driver }, plan(), DONE);
      await w.clock.advance(10_000);
      expect(opens).toBeLessThan(10);
      expect(running.figures().state).toBe("offline");
      expect(w.counters.read()).toMatchObject({ opens: 0, openFailures: opens });
    },
  );

  it("is read although it takes longer to tell its state than the cycle of its state", async () => {
    w = world({
      state: async () => {
        await new Promise<void>((resolve) => w.clock.schedule(200, resolve));
        return "ok" as const;
      },
    });
    running = startDevice(w.deps, plan({ stateCycle: 100n }), DONE);
    await w.clock.advance(10_000);
    expect(w.counters.read().reads).toBeGreaterThan(10);
  });

  it.each([
    ["read", { read: () => fail(UNSPEAKABLE) }],
    ["write", { write: () => fail(UNSPEAKABLE) }],
    ["state", { state: () => fail(UNSPEAKABLE) }],
    ["call", { call: () => fail(UNSPEAKABLE) }],
    ["stream", { stream: () => fail(UNSPEAKABLE) }],
  ])("that throws in %s what cannot be told is no fault of the mapper", async (name, handle) => {
    w = world(handle);
    const model = aModel();
    if (name === "stream") model.spec!.properties[0]!.type = "STREAM";
    const methods = [{ name: "setValue", description: "", propertyNames: ["target"] }];
    running = startDevice(w.deps, plan({ target: "30", stateCycle: 1_000n, methods }, model), DONE);
    await w.clock.advance(1_000);
    const call = running.call({ name: "setValue", property: "target", text: "5" }, NEVER);
    const ended =
      name === "call" ? expect(call).rejects.toMatchObject({ code: "DEVICE" }) : call.catch(() => 0);
    await w.clock.advance(5_000);
    await ended;
    expect(w.faults).toStrictEqual([]);
  });

  it("goes on when a reading cannot be handed to the data plane", async () => {
    w = world();
    const pushMethod = { mqtt: { address: "tcp://127.0.0.1:1883", topic: "temp" } };
    const pushed = plan({ properties: [{ name: "temperature", reportToCloud: true, pushMethod }] });
    const dataPlane = { offer: () => fail(new Error("full")), forget: () => undefined };
    running = startDevice({ ...w.deps, dataPlane }, pushed, DONE);
    await w.clock.advance(5_000);
    expect(w.counters.read().reads).toBe(6);
    expect(w.faults).toContainEqual({ reason: "full" });
  });

  it("is asked nothing and streams nothing when it was removed while it was opened", async () => {
    const asked: string[] = [];
    let open = (): void => undefined;
    w = world();
    const driver: Driver = {
      open: async () => {
        await new Promise<void>((resolve) => (open = resolve));
        return {
          read: () => asked.push("read"),
          write: () => void asked.push("write"),
          stream: () => Promise.resolve(void asked.push("stream")),
          close: () => void asked.push("close"),
        };
      },
    };
    const model = aModel();
    model.spec!.properties[0]!.type = "STREAM";
    running = startDevice({ ...w.deps, driver }, plan({ target: "30" }, model), DONE);
    await w.clock.advance(0);
    const stopped = running.stop();
    open();
    await w.clock.advance(1_000);
    await stopped;
    expect(asked).toStrictEqual(["close"]);
  });

  it("does not lose its connection because somebody did not wait for its answer", async () => {
    let reads = 0;
    let aborted = 0;
    w = world({
      read: async (_, { signal }) => {
        reads++;
        signal.addEventListener("abort", () => aborted++);
        await new Promise<void>((resolve) => w.clock.schedule(3_000, resolve)); // slow, and deaf to its signal
        return 1;
      },
    });
    running = startDevice(w.deps, plan({ collectCycle: 3_600_000n }), DONE);
    await w.clock.advance(10_000);
    const before = reads;
    for (let i = 0; i < 5; i++) {
      const asker = new AbortController();
      const asked = expect(running.read("temperature", asker.signal)).rejects.toMatchObject({
        code: "TIMEOUT",
      });
      await w.clock.advance(100);
      asker.abort();
      await asked;
      await w.clock.advance(5_000);
    }
    expect(reads).toBe(before + 5);
    expect(w.counters.read().driverHangs).toBe(0);
    expect(w.calls).toMatchObject({ opens: 1, closes: 0 });
    expect(aborted).toBe(0);
  });
});
