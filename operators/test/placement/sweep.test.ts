// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import { addSweep } from "../../src/placement/index.ts";
import {
  createChannel,
  silentLog,
  type Clock,
  type Manager,
  type Runnable,
} from "../../src/runtime/index.ts";

const HOUR_MS = 3_600_000;

/** Runs a sweep whose first looks fail. @returns the pauses between the looks, and who was to be placed */
async function run(failures: number, looks: number): Promise<{ pausesMs: number[]; placed: string[] }> {
  const over = new AbortController();
  const pausesMs: number[] = [];
  const placed: string[] = [];
  const clock: Partial<Clock> = {
    schedule: (delayMs: number, callback: () => void) => {
      pausesMs.push(delayMs);
      setImmediate(() => (pausesMs.length < looks ? callback() : over.abort()));
      return () => undefined;
    },
  };
  const requests = createChannel("requests");
  let asked = 0;
  let runnable: Runnable | undefined;
  const manager = {
    clock,
    log: silentLog,
    add: (added: Runnable) => (runnable = added),
  } as unknown as Manager;
  addSweep(manager, {
    outbox: {
      // eslint-disable-next-line @typescript-eslint/require-await
      async *knownNodes() {
        if (asked++ < failures) throw new Error("Redis is not there yet");
        yield "gone";
        yield "here";
      },
    },
    placing: {
      requests: { ...requests, enqueue: ({ name }) => placed.push(name) > 0 },
      hasNode: (node) => node === "here",
    },
    intervalMs: HOUR_MS,
  });
  await runnable?.start(over.signal);
  return { pausesMs, placed };
}

it("has nodes placed whose deletion was missed, once an interval", async () => {
  expect(await run(0, 2)).toEqual({ pausesMs: [HOUR_MS, HOUR_MS], placed: ["gone", "gone"] });
});

it("looks again within seconds after a look that failed, as at a start before Redis is there", async () => {
  expect(await run(2, 3)).toEqual({ pausesMs: [5_000, 5_000, HOUR_MS], placed: ["gone"] });
});
