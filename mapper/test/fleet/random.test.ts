// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Driver } from "@longshore/mapper";
import fc from "fast-check";
import { createCounters } from "../../src/counters.ts";
import { createFleet } from "../../src/fleet/fleet.ts";
import { withDefaults } from "../../src/options.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { aDevice, aLog, aModel } from "../support/gen.ts";

const NAMES = ["a", "b", "c"] as const;
type Op =
  | {
      readonly do: "put" | "remove" | "hang" | "crash" | "heal";
      readonly name: (typeof NAMES)[number];
      readonly host: string;
    }
  | { readonly do: "model" | "no model" | "edge set"; readonly names: readonly string[] }
  | { readonly do: "wait"; readonly ms: number };

const name = fc.constantFrom(...NAMES);
const anOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({
    do: fc.constantFrom("put", "remove", "hang", "crash", "heal"),
    name,
    host: fc.constantFrom("x", "y"),
  }),
  fc.record({ do: fc.constantFrom("model", "no model", "edge set"), names: fc.uniqueArray(name) }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 20_000 }) }),
);

/** A driver whose devices hang or crash as they are told, and which knows what is open. */
function aDriver() {
  const mood = new Map<string, "hang" | "crash">();
  const open = new Map<string, number>();
  /** handles of one device at the same time */
  const most = { count: 0 };
  const act = (device: string): number | Promise<number> => {
    if (mood.get(device) === "crash") throw new Error("crashed");
    return mood.get(device) === "hang" ? new Promise(() => undefined) : 1;
  };
  const driver: Driver = {
    open: (device) => {
      if (mood.get(device.name) === "crash") throw new Error("crashed");
      open.set(device.name, (open.get(device.name) ?? 0) + 1);
      most.count = Math.max(most.count, open.get(device.name) ?? 0);
      return {
        read: () => act(device.name),
        write: async () => {
          await act(device.name);
        },
        close: () => {
          open.set(device.name, (open.get(device.name) ?? 0) - 1);
        },
      };
    },
  };
  const opened = (): string[] =>
    [...open]
      .filter(([, count]) => count > 0)
      .map(([device]) => device)
      .sort();
  return { driver, mood, most, opened };
}

describe("all devices of a mapper", () => {
  it("are exactly the wanted ones whatever order things happen in, and leave no timer behind", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anOp, { maxLength: 30 }), async (ops) => {
        const clock = createFakeClock();
        const { driver, mood, most, opened } = aDriver();
        const fleet = createFleet(
          {
            driver,
            clock,
            options: withDefaults(),
            counters: createCounters(),
            log: aLog(),
            random: () => 0.5,
            dataPlane: { offer: () => undefined, forget: () => undefined },
            edge: {
              isReady: () => true,
              status: () => Promise.resolve("taken"),
              state: () => Promise.resolve("taken"),
            },
          },
          "virtual",
        );
        const wanted = new Set<string>();
        const model = { isThere: false };
        const one = (put: (device: string, host: string) => void) => (op: Op) => {
          if ("host" in op) put(op.name, op.host);
        };
        const happens: Readonly<Record<Op["do"], (op: Op) => void | Promise<void>>> = {
          put: one((device, host) => {
            fleet.putDevice(aDevice({ name: device, host, target: "7" }));
            wanted.add(device);
          }),
          remove: one((device) => {
            void fleet.removeDevice(`default/${device}`);
            wanted.delete(device);
          }),
          hang: one((device) => mood.set(device, "hang")),
          crash: one((device) => mood.set(device, "crash")),
          heal: one((device) => mood.delete(device)),
          model: () => {
            fleet.putModel(aModel());
            model.isThere = true;
          },
          "no model": () => {
            fleet.removeModel("default/thermometer");
            model.isThere = false;
          },
          "edge set": (op) => {
            const names = "names" in op ? op.names : [];
            const devices = names.map((device) => aDevice({ name: device }));
            fleet.replaceAll({ models: [aModel()], devices }, fleet.snapshot());
            wanted.clear();
            names.forEach((device) => wanted.add(device));
            model.isThere = true;
          },
          wait: (op) => clock.advance("ms" in op ? op.ms : 0),
        };
        for (const op of ops) await happens[op.do](op);
        const running = model.isThere ? [...wanted].sort() : [];
        expect(fleet.running()).toStrictEqual(running.map((device) => `default/${device}`));
        mood.clear();
        await clock.advance(60_000);
        // A device whose calls hang for ever, three times, stays closed: that is its limit.
        expect(opened().filter((one) => !running.includes(one))).toStrictEqual([]);
        expect(most.count).toBeLessThanOrEqual(1);
        const hadHang = ops.some((op) => op.do === "hang");
        if (!hadHang) expect(opened()).toStrictEqual(running);
        const stopped = fleet.stop();
        await clock.advance(60_000);
        await stopped;
        expect(opened()).toStrictEqual([]);
        expect(fleet.running()).toStrictEqual([]);
        expect(clock.timers()).toBe(0);
      }),
      { numRuns: 300, endOnFailure: true },
    );
  }, 60_000);
});
