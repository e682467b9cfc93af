// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createDesiredView, type MapperDesired } from "../../../src/devices/to-mapper/desired.ts";
import { createJournal } from "../../../src/devices/to-mapper/journal.ts";
import { MapperWorker } from "../../../src/devices/to-mapper/worker.ts";
import { MapperError, type MapperClient } from "../../../src/dmi/port.ts";
import { fakeClock, fakeLog } from "../../tunnel/fakes.ts";
import { MemoryRecords, MemoryStore } from "../support/memory.ts";
import { device, model } from "../support/objects.ts";

const DEVICES = 100;
const LIMITS = { maxCalls: 4, slowCallMs: 1_000, gatherMs: 50, probeMs: 2_000 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const done = (): Promise<void> => Promise.resolve();

/** Takes models, and no device. */
function refusing(onRefusal: () => void): MapperClient {
  const refuse = (): Promise<void> => {
    onRefusal();
    return Promise.reject(new MapperError("REFUSED", "RegisterDevice", "the bus is full"));
  };
  return {
    ...{ ready: done, close: () => undefined, getDevice: () => Promise.resolve(undefined) },
    ...{ registerDevice: refuse, updateDevice: refuse, removeDevice: done },
    ...{ createDeviceModel: done, updateDeviceModel: done, removeDeviceModel: done },
  };
}

function desired(): MapperDesired {
  const store = new MemoryStore();
  store.put(model());
  for (let i = 0; i < DEVICES; i++) store.put(device("1", { name: `d${i}` }));
  const view = createDesiredView()(store.list("device"), store.list("devicemodel"));
  return view.byProtocol.get("thermo") ?? { wanted: [], kept: new Set() };
}

describe("a mapper that refuses many devices", () => {
  it("is not planned for anew at the end of each device's pause, and each is tried again", async () => {
    const clock = fakeClock();
    const wanted = desired();
    let [plans, refusals, seed] = [0, 0, 1];
    const worker = new MapperWorker(
      {
        ...{ clock, log: fakeLog(), limits: LIMITS, journal: createJournal(new MemoryRecords()) },
        dial: () => refusing(() => refusals++),
        desired: () => {
          plans++;
          return wanted;
        },
        random: () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647,
        onCall: () => undefined,
        onHealth: () => undefined,
      },
      { protocol: "thermo", name: "m", version: "", address: "/m.sock", life: 0 },
    );
    worker.wake();
    clock.advance(0);
    while (refusals < DEVICES) await turn();
    await turn();
    plans = 0;
    clock.advance(750); // the pauses take from 750 to 1,000 ms
    for (let ms = 0; ms < 350; ms++) {
      clock.advance(1);
      await turn();
    }
    while (refusals < 3 * DEVICES) await turn();
    await turn();
    worker.stop();
    expect(plans).toBeLessThan(DEVICES / 5);
  });
});
