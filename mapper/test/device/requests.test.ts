// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import type { MethodCall } from "@longshore/mapper";
import { startDevice, type DeviceRuntime } from "../../src/device/runtime.ts";
import { DONE, plan, world } from "../support/world.ts";

const methods = [
  { name: "setValue", description: "sets it", propertyNames: ["target", "temperature", "unknown"] },
  { name: "reset", description: "", propertyNames: ["target"] },
];
const NEVER = new AbortController().signal;

describe("other programs", () => {
  let running: DeviceRuntime | undefined;
  let w = world();
  const run = (handle: Parameters<typeof world>[0] = {}, change: object = {}): DeviceRuntime => {
    w = world(handle);
    return (running = startDevice(w.deps, plan({ methods, ...change }), DONE));
  };
  const setTarget = (text: string, signal = NEVER) =>
    running!.call({ name: "setValue", property: "target", text }, signal);
  /** What became of a request by now; "waits" while it does. */
  const follow = (request: Promise<unknown>) => {
    const seen: { end: unknown } = { end: "waits" };
    request.then(
      (value) => (seen.end = value),
      (error: unknown) => (seen.end = (error as { code?: string }).code),
    );
    return seen;
  };

  afterEach(async () => {
    const stopped = running?.stop();
    await w.clock.advance(60_000);
    await stopped;
    expect(w.clock.timers()).toBe(0);
  });

  it("A19 see the methods of a device, with those of their properties that it has", () => {
    run();
    expect(running?.methods()).toStrictEqual([
      {
        ...{ name: "setValue", description: "sets it" },
        properties: [
          { name: "temperature", type: "FLOAT" },
          { name: "target", type: "INT" },
        ],
      },
      { name: "reset", description: "", properties: [{ name: "target", type: "INT" }] },
    ]);
  });

  it("A19 call a method, and its property is written where the driver has no methods of its own", async () => {
    run();
    const end = follow(setTarget("30"));
    await w.clock.advance(0);
    expect(end).toStrictEqual({ end: undefined });
    expect(w.written).toStrictEqual([30]);
    expect(w.counters.read()).toMatchObject({ methodCalls: 1, methodFailures: 0 });
  });

  it("A19 call a method of the driver, and get what it returned as a twin would carry it", async () => {
    const calls: MethodCall[] = [];
    run({
      call: (call) => {
        calls.push(call);
        return Buffer.from("done");
      },
    });
    const end = follow(setTarget("30"));
    await w.clock.advance(0);
    expect(end.end).toBe(Buffer.from("done").toString("base64"));
    expect(calls).toMatchObject([{ method: "setValue", property: { name: "target" }, value: 30 }]);
    expect(w.written).toStrictEqual([]);
  });

  it("see at once what a method made of the device", async () => {
    let value = 1;
    run({ read: () => value, write: (_, given) => void (value = Number(given)) });
    await w.clock.advance(500);
    const before = w.reports.length;
    void setTarget("30");
    await w.clock.advance(0);
    expect(
      w.reports
        .slice(before)
        .flat()
        .map(({ reported }) => reported?.value),
    ).toContain("30");
  });

  it.each([
    { name: "open", property: "target", text: "30", code: "NOT_FOUND", why: "no such method" },
    { name: "reset", property: "temperature", text: "30", code: "INVALID", why: "not the method's property" },
    { name: "setValue", property: "unknown", text: "30", code: "NOT_FOUND", why: "not in the device" },
    { name: "setValue", property: "temperature", text: "30", code: "READ_ONLY", why: "read-only" },
    { name: "setValue", property: "target", text: "warm", code: "INVALID", why: "of another type" },
    { name: "setValue", property: "target", text: "101", code: "INVALID", why: "out of range" },
    { name: "setValue", property: "target", text: "1".repeat(20_000), code: "INVALID", why: "too long" },
  ])(
    "A19 are refused with $code what is $why, before the driver hears of it",
    async ({ code, ...request }) => {
      run();
      await expect(running?.call(request, NEVER)).rejects.toMatchObject({ name: "FleetError", code });
      expect(w.counters.read().methodCalls).toBe(0);
    },
  );

  it("are told that the device failed, and it stays open for that", async () => {
    run({
      call: () => {
        throw new Error("rtsp://user:secret@camera failed");
      },
    });
    for (let i = 0; i < 10; i++) {
      const call = setTarget("30");
      const seen = expect(call).rejects.toMatchObject({
        ...{ code: "DEVICE", message: expect.not.stringContaining("secret") },
      });
      await w.clock.advance(0);
      await seen;
    }
    expect(w.counters.read().methodFailures).toBe(10);
    expect(w.calls.opens).toBe(1);
  });

  it("read a device itself, and what they read is reported too", async () => {
    let value = 1;
    run({ read: () => value }, { collectCycle: 3_600_000n });
    await w.clock.advance(1_000);
    value = 2;
    const end = follow(running!.read("temperature", NEVER));
    await w.clock.advance(0);
    expect(end.end).toStrictEqual({ type: "FLOAT", value: "2", unit: "", atMs: w.clock.nowMs() });
    expect(running?.twins().find(({ propertyName }) => propertyName === "temperature")).toMatchObject({
      reported: { value: "2" },
    });
    await expect(running?.read("unknown", NEVER)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("wait their turn, are refused when too many wait, and take turns with the device's own readings", async () => {
    const order: string[] = [];
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    run({
      read: async ({ name }) => {
        await gate;
        order.push(name);
        return 1;
      },
      call: ({ value }) => void order.push(`call ${String(value)}`),
    });
    await w.clock.advance(0);
    const waiting = Array.from({ length: 16 }, (_, i) => follow(setTarget(String(i))));
    await expect(setTarget("99")).rejects.toMatchObject({ code: "BUSY" });
    expect(w.counters.read().refusedRequests).toBe(1);
    release();
    await w.clock.advance(0);
    expect(waiting.every(({ end }) => end === undefined)).toBe(true);
    expect(order.slice(0, 4)).toStrictEqual(["temperature", "call 0", "target", "call 1"]);
    expect(order.filter((step) => step.startsWith("call"))).toHaveLength(16);
    expect(w.calls.most).toBe(1);
  });

  it("get an answer in time even from a device that gives none", async () => {
    run({ read: () => new Promise(() => undefined) });
    const end = follow(running!.read("temperature", NEVER));
    await w.clock.advance(10_000);
    expect(end.end).toBe("TIMEOUT");
  });

  it("may give up, waiting or not: what waited is not carried out", async () => {
    run({ read: () => new Promise(() => undefined) });
    await w.clock.advance(0);
    const asker = new AbortController();
    const end = follow(setTarget("30", asker.signal));
    asker.abort();
    await w.clock.advance(0);
    expect(end.end).toBe("TIMEOUT");
    await w.clock.advance(60_000);
    expect(w.written).toStrictEqual([]);
    await expect(setTarget("30", AbortSignal.abort())).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  it("are told at once that a device is not there", async () => {
    run();
    const driver = { open: () => Promise.reject(new Error("nobody there")) };
    await running?.stop();
    running = startDevice({ ...w.deps, driver }, plan({ methods }), DONE);
    await w.clock.advance(100);
    const end = follow(setTarget("30"));
    await w.clock.advance(0);
    expect(end.end).toBe("DEVICE");
  });

  it("are not left waiting when the device is removed", async () => {
    run({ read: () => new Promise(() => undefined) });
    await w.clock.advance(0);
    const end = follow(setTarget("30"));
    void running?.stop();
    await w.clock.advance(2_000);
    expect(end.end).toBe("DEVICE");
    await expect(setTarget("30")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
