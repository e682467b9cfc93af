// SPDX-License-Identifier: Apache-2.0

/** Time as the hub sees it; injected, so that tests run hours in milliseconds. */
export interface HubClock {
  /** Monotonic milliseconds; everything that waits or expires uses this. */
  nowMs(): number;
  /** Wall time in milliseconds since the epoch; for header timestamps, Leases and certificate expiry only. */
  wallMs(): number;
  /** Calls `run` every `ms` until the returned function is called. */
  every(ms: number, run: () => void): () => void;
}

/** The real clock. Its timers do not keep the process alive. */
export const systemClock: HubClock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  every: (ms, run) => {
    const timer = setInterval(run, ms);
    timer.unref();
    return () => {
      clearInterval(timer);
    };
  },
};
