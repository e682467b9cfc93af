// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";

export interface StallGuard {
  /** Aborted with the outer signal, or when nothing was heard for too long. */
  readonly signal: AbortSignal;
  readonly stalled: boolean;
  /** Something was heard. */
  alive(): void;
  clear(): void;
}

/** Ends a connection that is open but silent: a peer that vanished without a FIN, a proxy that swallows. */
export function createStallGuard(clock: Clock, silenceMs: number, outer: AbortSignal): StallGuard {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(outer.reason);
  let heardAtMs = clock.nowMs();
  let stalled = false;
  let cancel: () => void = () => undefined;
  const check = (): void => {
    const leftMs = heardAtMs + silenceMs - clock.nowMs();
    if (leftMs > 0) {
      cancel = clock.schedule(leftMs, check);
      return;
    }
    stalled = true;
    controller.abort(new Error("stalled"));
  };
  if (outer.aborted) onAbort();
  else outer.addEventListener("abort", onAbort, { once: true });
  cancel = clock.schedule(silenceMs, check);
  return {
    signal: controller.signal,
    get stalled() {
      return stalled;
    },
    alive: () => void (heardAtMs = clock.nowMs()),
    clear() {
      cancel();
      outer.removeEventListener("abort", onAbort);
    },
  };
}
