// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";
import { MapperError } from "../errors.ts";
import { FleetError } from "../rest/port.ts";
import type { Answer } from "./calls.ts";

/** What other programs ask of one device, each in its turn between the device's own calls. */
export interface Requests {
  /**
   * Waits for its turn, and is carried out once.
   *
   * @param carryOut makes the call; never two at the same time
   * @param signal the asker's: when it aborts, the answer is no longer waited for; a call that has begun goes on to
   *   its own deadline, for a driver may pay for an abort with its connection
   * @throws {FleetError} BUSY, TIMEOUT, DEVICE, or what `carryOut` threw as one
   */
  ask<T>(carryOut: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** The one that waited longest, to be made now. */
  next(): ((signal: AbortSignal) => Promise<Answer>) | undefined;
  readonly areWaiting: () => boolean;
  /** The device does not answer: neither will those that wait. */
  refuseAll(): void;
}

export interface RequestsDeps {
  readonly clock: Clock;
  readonly maxWaiting: number;
  readonly timeoutMs: number;
  /** One more waits. */
  readonly onAsked: () => void;
  readonly onBusy: () => void;
}

interface Waiting {
  carryOut(signal: AbortSignal): Promise<Answer>;
  fail(error: FleetError): void;
}

export function createRequests({ clock, maxWaiting, timeoutMs, onAsked, onBusy }: RequestsDeps): Requests {
  const waiting = new Set<Waiting>();

  function ask<T>(carryOut: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    if (waiting.size >= maxWaiting) {
      onBusy();
      return Promise.reject(new FleetError("BUSY", `${maxWaiting} requests wait for this device already`));
    }
    return new Promise<T>((resolve, reject) => {
      const finish = (): void => {
        waiting.delete(request);
        cancelTimer();
        signal.removeEventListener("abort", abort);
      };
      const fail = (error: FleetError): void => {
        finish();
        reject(error);
      };
      const abort = (): void => fail(new FleetError("TIMEOUT", "the request was given up"));
      const request: Waiting = {
        fail,
        carryOut: async (lane) => {
          waiting.delete(request);
          try {
            const value = await carryOut(lane);
            finish();
            resolve(value);
            return "answered";
          } catch (error) {
            fail(asFleetError(error));
            return isSilence(error) ? "failed" : "not asked";
          }
        },
      };
      const cancelTimer = clock.schedule(timeoutMs, () =>
        fail(new FleetError("TIMEOUT", "the device had no time for the request")),
      );
      waiting.add(request);
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
      else onAsked();
    });
  }

  return {
    ask,
    next: () => {
      const [first] = waiting;
      return first && ((signal) => first.carryOut(signal));
    },
    areWaiting: () => waiting.size > 0,
    refuseAll: () => {
      for (const request of [...waiting])
        request.fail(new FleetError("DEVICE", "the device does not answer"));
    },
  };
}

/** What a device refuses says nothing of its being there; only silence does. */
const isSilence = (error: unknown): boolean =>
  error instanceof MapperError && error.code === "DRIVER_TIMEOUT";

function asFleetError(error: unknown): FleetError {
  if (error instanceof FleetError) return error;
  return isSilence(error)
    ? new FleetError("TIMEOUT", "the device did not answer in time", { cause: error })
    : new FleetError("DEVICE", "the device failed; the mapper's log tells more", { cause: error });
}
