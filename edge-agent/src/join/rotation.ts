// SPDX-License-Identifier: Apache-2.0
import { MAX_TIMER_MS, type Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import { validityOf, type Identity, type Validity } from "./identity.ts";

/** When to renew: a point between 70 and 90 % of the certificate's life, so that a fleet does not renew at once. */
export function renewAtMs({ notBeforeMs, notAfterMs }: Validity, random: number): number {
  return Math.round(notBeforeMs + (notAfterMs - notBeforeMs) * (0.7 + 0.2 * random));
}

/** KubeEdge's pace: 2 s doubling to 32 s. Half of it is jitter. */
export function renewRetryMs(failures: number, random: number): number {
  return Math.min(32_000, 2_000 * 2 ** Math.min(failures, 10)) * (0.5 + 0.5 * random);
}

/** What renewing a certificate needs of the agent. */
export interface RotationDeps {
  readonly identity: () => Identity;
  readonly renew: (old: Identity) => Promise<Identity>;
  /** Stores the new identity durably and uses it from now on. */
  readonly adopt: (next: Identity) => void;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly random: () => number;
}

/** Looks again after this long at the latest: clocks jump. */
const MAX_WAIT_MS = 3_600_000;

/** Renews the certificate for as long as the agent runs. Returns the stopper. */
export function startRotation(deps: RotationDeps): () => void {
  const { clock, log } = deps;
  let stopped = false;
  let failures = 0;
  let cancel: (() => void) | undefined;
  let point = deps.random();

  const wait = (delayMs: number): void => {
    if (!stopped) cancel = clock.schedule(Math.min(delayMs, MAX_WAIT_MS, MAX_TIMER_MS), check);
  };
  const check = (): void => {
    const dueInMs = renewAtMs(validityOf(deps.identity().cert), point) - clock.nowMs();
    if (dueInMs > 0) {
      wait(dueInMs);
      return;
    }
    attempt().catch((err: unknown) => {
      log.warn({ err, failures }, "certificate could not be renewed, trying again");
      wait(renewRetryMs(failures++, deps.random()));
    });
  };
  const attempt = async (): Promise<void> => {
    const next = await deps.renew(deps.identity());
    if (stopped) return;
    deps.adopt(next);
    log.info({ notAfter: new Date(validityOf(next.cert).notAfterMs).toISOString() }, "certificate renewed");
    failures = 0;
    point = deps.random();
    check();
  };
  check();
  return () => {
    stopped = true;
    cancel?.();
  };
}
