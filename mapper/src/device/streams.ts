// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import { createBackoff } from "../backoff.ts";
import type { DeviceHandle, StreamProperty } from "../driver.ts";
import { reasonOf } from "../errors.ts";
import type { DeviceDeps } from "./context.ts";
import type { HungCalls } from "./hung.ts";
import type { DevicePlan } from "./plan.ts";

/** The streams of one device, which run beside its calls: one at a time of each property. */
export interface Streams {
  /** Starts and ends what the plan says, on this handle. */
  sync(handle: DeviceHandle, plan: DevicePlan): void;
  /** Ends all of them; resolves when they have ended or are given up. */
  readonly stop: () => Promise<void>;
  readonly running: () => number;
  /** Whether one threw and has not run long since. */
  readonly isFailing: () => boolean;
}

/** What a stream is of: done once, it starts again when this changes. */
interface Place {
  readonly config: DevicePlan["device"]["config"];
  readonly property: StreamProperty;
}

interface Run {
  readonly place: Place;
  readonly aborter: AbortController;
  ended: Promise<void>;
  state: "waiting" | "running" | "done";
  failures: number;
  startedMs: number;
}

/** @param deps its options give the pauses between attempts and the grace after an abort */
export function createStreams(deps: DeviceDeps, hung: HungCalls): Streams {
  const { clock, counters, log, options, random } = deps;
  const runs = new Map<string, Run>();
  /** Ends that are waited for, by property. */
  const ending = new Map<string, Promise<void>>();
  /** Finished ones outlive their handle. */
  const done = new Map<string, Place>();
  const refused = new Set<string>();

  function attempt(handle: DeviceHandle, run: Run): Promise<void> | undefined {
    counters.add("streams");
    run.state = "running";
    run.startedMs = clock.monotonicMs();
    log.info({ stream: run.place.property.name }, "a stream starts");
    return handle.stream?.(run.place.property, { signal: run.aborter.signal, log });
  }

  function failed(run: Run, error: unknown): void {
    counters.add("streamFailures");
    run.state = "waiting";
    const fields = { stream: run.place.property.name, reason: reasonOf(error) };
    if (run.failures++ === 0) log.warn(fields, "a stream failed: it is started again, later and later");
    else log.debug(fields, "a stream failed again");
  }

  async function keepRunning(handle: DeviceHandle, run: Run, after: Promise<void>): Promise<void> {
    const backoff = createBackoff({ baseMs: options.retryBaseMs, capMs: options.retryCapMs, random });
    const { signal } = run.aborter;
    const isOver = (): boolean => signal.aborted;
    await after;
    if (!hung.mayStart()) {
      if (runs.get(run.place.property.name) === run) runs.delete(run.place.property.name);
      return; // it is started when a call has ended
    }
    while (!isOver()) {
      try {
        await attempt(handle, run);
        if (isOver()) return;
        run.state = "done";
        done.set(run.place.property.name, run.place);
        log.info({ stream: run.place.property.name }, "a stream is done");
        return;
      } catch (error) {
        if (isOver()) return;
        if (ranLong(run)) {
          run.failures = 0;
          backoff.reset();
        }
        failed(run, error);
      }
      await pause(backoff.nextDelayMs(), signal);
    }
  }

  const ranLong = ({ startedMs }: Run): boolean => clock.monotonicMs() - startedMs >= options.retryCapMs;

  function pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = clock.schedule(delayMs, end);
      signal.addEventListener("abort", end);
    });
  }

  function start(handle: DeviceHandle, place: Place): void {
    const { name } = place.property;
    const run: Run = {
      place,
      aborter: new AbortController(),
      ended: Promise.resolve(),
      state: "waiting",
      failures: 0,
      startedMs: 0,
    };
    run.ended = keepRunning(handle, run, ending.get(name) ?? Promise.resolve());
    runs.set(name, run);
  }

  /** Aborts a stream, and gives it up when it goes on. */
  function end(name: string, run: Run): Promise<void> {
    runs.delete(name);
    run.aborter.abort();
    const over = new Promise<void>((resolve) => {
      const cancel = clock.schedule(options.abortGraceMs, () => {
        hung.add(run.ended);
        resolve();
      });
      void run.ended.then(() => {
        cancel();
        resolve();
      });
    }).then(() => {
      if (ending.get(name) === over) ending.delete(name);
    });
    ending.set(name, over);
    return over;
  }

  function refuse(wanted: readonly StreamProperty[]): void {
    for (const { name } of wanted.filter((property) => !refused.has(property.name))) {
      refused.add(name);
      counters.add("refusedInput");
      log.warn({ property: name, reason: "the driver has no streams" }, "a stream of the device is left out");
    }
  }

  /** Ends and forgets what is not as it was. */
  function drop(wanted: ReadonlyMap<string, Place>): void {
    const isWanted = (name: string, place: Place): boolean => isDeepStrictEqual(place, wanted.get(name));
    for (const [name, run] of runs) if (!isWanted(name, run.place)) void end(name, run);
    for (const [name, place] of done) if (!isWanted(name, place)) done.delete(name);
    for (const name of refused) if (!wanted.has(name)) refused.delete(name);
  }

  return {
    sync: (handle, { device: { config }, streams }) => {
      const wanted = new Map(streams.map((property) => [property.name, { config, property }]));
      drop(wanted);
      if (!handle.stream) {
        refuse(streams);
        return;
      }
      for (const [name, place] of wanted) {
        if (!runs.has(name) && !done.has(name) && hung.mayStart()) start(handle, place);
      }
    },
    stop: async () => {
      await Promise.all([...[...runs].map(([name, run]) => end(name, run)), ...ending.values()]);
    },
    running: () => [...runs.values()].filter(({ state }) => state === "running").length,
    isFailing: () =>
      [...runs.values()].some((run) => run.failures > 0 && !(run.state === "running" && ranLong(run))),
  };
}
