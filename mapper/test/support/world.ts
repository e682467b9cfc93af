// SPDX-License-Identifier: Apache-2.0
import type { Twin } from "@longshore/crds/dmi";
import type { DeviceHandle, Driver, Value } from "@longshore/mapper";
import { createCounters } from "../../src/counters.ts";
import type { Sample, Target } from "../../src/data/index.ts";
import type { DeviceDeps, ReportResult } from "../../src/device/context.ts";
import { planDevice, type DevicePlan } from "../../src/device/plan.ts";
import { withDefaults } from "../../src/options.ts";
import { createFakeClock } from "./fake-clock.ts";
import { aDevice, aLog, aModel } from "./gen.ts";

const options = withDefaults();
export const DONE = Promise.resolve();

/** A device, its driver and its edge, all in the test's hand. */
export function world(handle: Partial<DeviceHandle> = {}) {
  const clock = createFakeClock();
  const written: Value[] = [];
  const reports: Twin[][] = [];
  const states: string[] = [];
  const faults: object[] = [];
  const calls = { opens: 0, closes: 0, running: 0, most: 0 };
  const edge = { isReady: true, answer: (): ReportResult => "taken" };
  const track = async <T>(run: () => T | Promise<T>): Promise<T> => {
    calls.most = Math.max(calls.most, ++calls.running);
    try {
      return await run();
    } finally {
      calls.running--;
    }
  };
  const driver: Driver = {
    open: () => {
      calls.opens++;
      return {
        read: (property, context) =>
          track(() => handle.read?.(property, context) ?? (property.name === "target" ? 5 : 21.5)),
        write: (property, value, context) =>
          track(async () => {
            await handle.write?.(property, value, context);
            written.push(value);
          }),
        ...(handle.state && { state: handle.state.bind(handle) }),
        ...(handle.stream && { stream: handle.stream.bind(handle) }),
        ...(handle.call && {
          call: (call, context) => track(() => handle.call?.(call, context)),
        }),
        close: () => {
          calls.closes++;
        },
      };
    },
  };
  const counters = createCounters();
  const samples: { targets: readonly Target[]; sample: Sample }[] = [];
  const deps: DeviceDeps & { readonly edge: { status: DeviceDeps["edge"]["status"] } } = {
    driver,
    options,
    counters,
    clock,
    log: { ...aLog(), error: (fields: object) => void faults.push(fields) },
    random: () => 0.999,
    dataPlane: {
      offer: (targets, sample) => void samples.push({ targets, sample }),
      forget: () => undefined,
    },
    edge: {
      isReady: () => edge.isReady,
      status: (_, twins) => {
        const answer = edge.answer();
        if (answer === "taken") reports.push([...twins]);
        return Promise.resolve(answer);
      },
      state: (_, state) => {
        states.push(state);
        return Promise.resolve("taken");
      },
    },
  };
  return { clock, counters, deps, written, reports, states, faults, samples, calls, edge };
}

/** The plan of a device and its model. */
export const plan = (change: Parameters<typeof aDevice>[0] = {}, model = aModel()): DevicePlan =>
  planDevice(aDevice(change), model, options).plan;
