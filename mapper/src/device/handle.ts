// SPDX-License-Identifier: Apache-2.0
import type { CallContext, Device, DeviceHandle } from "../driver.ts";
import { MapperError, reasonOf } from "../errors.ts";
import type { DeviceDeps } from "./context.ts";
import { withDeadline, type Outcome } from "./deadline.ts";
import type { HungCalls } from "./hung.ts";

/** The driver's handle of one device: opened, called one call at a time, given up when a call hangs. */
export interface HandleKeeper {
  /** The device that the open handle was opened for; undefined while there is none. */
  openedFor(): Device | undefined;
  readonly current: () => DeviceHandle | undefined;
  /** False while too many calls of given up handles still run. */
  mayOpen(): boolean;
  open(device: Device, signal: AbortSignal): Promise<boolean>;
  /** @throws {MapperError} DRIVER_TIMEOUT, or whatever the driver threw */
  call<T>(
    run: (handle: DeviceHandle, context: CallContext) => T | Promise<T>,
    signal: AbortSignal,
  ): Promise<T>;
  has(method: "write" | "state" | "call"): boolean;
  readonly close: () => Promise<void>;
}

/** Not every driver is checked by a compiler. */
function handleOf(opened: unknown): DeviceHandle {
  if (typeof opened === "object" && opened !== null) return opened as DeviceHandle;
  throw new MapperError("DRIVER_FAULT", "the driver opened nothing: its open must return a handle");
}

/** Aborts nothing: closing has its deadline alone. */
const NEVER = new AbortController().signal;

/** @param beforeClose ends what else uses the handle */
export function createHandleKeeper(
  deps: DeviceDeps,
  hung: HungCalls,
  beforeClose: () => Promise<void>,
): HandleKeeper {
  const { clock, counters, driver, log, options } = deps;
  let current: { readonly device: Device; readonly handle: DeviceHandle } | undefined;
  let toldReason: string | undefined;

  /** Why it does not open: once for each reason, for it is tried for ever. */
  function tellWhy(reason: string | undefined): void {
    if (reason !== undefined && reason !== toldReason) log.warn({ reason }, "the device does not open");
    toldReason = reason;
  }

  async function timed<T>(
    run: (context: CallContext) => T | Promise<T>,
    signal: AbortSignal,
    onLate: (value: T) => void = () => undefined,
  ): Promise<Outcome<T>> {
    const deadlineMs = clock.nowMs() + options.driverTimeoutMs;
    const limits = { timeoutMs: options.driverTimeoutMs, graceMs: options.abortGraceMs, signal };
    const outcome = await withDeadline(clock, limits, (aborted) => run({ signal: aborted, deadlineMs, log }));
    if (outcome.kind === "hung") {
      const late = (value: T | undefined): void => {
        if (value !== undefined) onLate(value);
      };
      hung.add(outcome.ended.then(late));
    }
    return outcome;
  }

  async function closeHandle(handle: DeviceHandle): Promise<void> {
    const outcome = await timed((context) => handle.close?.(context), NEVER);
    if (outcome.kind === "failed") log.warn({ reason: reasonOf(outcome.error) }, "closing the device failed");
  }

  async function close(): Promise<void> {
    const handle = current?.handle;
    current = undefined;
    if (!handle) return;
    await beforeClose();
    await closeHandle(handle);
  }

  return {
    openedFor: () => current?.device,
    current: () => current?.handle,
    mayOpen: hung.mayStart,
    has: (method) => current?.handle[method] !== undefined,
    open: async (device, signal) => {
      const outcome = await timed(
        async (context) => handleOf(await driver.open(device, context)),
        signal,
        (late) => void closeHandle(late),
      );
      counters.add(outcome.kind === "done" ? "opens" : "openFailures");
      if (outcome.kind === "done") current = { device, handle: outcome.value };
      tellWhy(outcome.kind === "done" ? undefined : reasonOf(outcome.error));
      return outcome.kind === "done";
    },
    call: async (run, signal) => {
      const handle = current?.handle;
      if (!handle) throw new MapperError("STOPPED", "the device is not open");
      const outcome = await timed((context) => run(handle, context), signal);
      if (outcome.kind === "done") return outcome.value;
      if (outcome.kind === "hung") await close();
      throw outcome.error;
    },
    close,
  };
}
