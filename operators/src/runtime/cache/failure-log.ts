// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { WatchFailureReason } from "./watch-failure.ts";

export interface Failure {
  readonly reason: WatchFailureReason;
  readonly delayMs: number;
  readonly relist: boolean;
  readonly err: unknown;
}

/** Tells of an outage once when it begins, now and then while it lasts, and once when it is over. */
export interface FailureLog {
  failed(failure: Failure): void;
  /** A complete list came. */
  listed(): void;
  /** A watch works; the end of an outage, if there was one. */
  worked(): void;
}

/** An outage that lasts is told of again this often. */
const REMIND_MS = 5 * 60_000;

interface Outage {
  readonly sinceMs: number;
  readonly failingSince: string;
  failures: number;
  listed: boolean;
  /** -Infinity: no warning yet, only that a position was too old, which is no fault. */
  warnedAtMs: number;
}

export function createFailureLog(kind: string, clock: Clock, log: Log): FailureLog {
  let outage: Outage | undefined;
  const begin = (): Outage => ({
    sinceMs: clock.nowMs(),
    failingSince: new Date(clock.wallMs()).toISOString(),
    failures: 0,
    listed: false,
    warnedAtMs: -Infinity,
  });
  const tell = (current: Outage, { err, ...failure }: Failure): void => {
    const { failingSince, failures } = current;
    const fields = { kind, ...failure, delayMs: Math.round(failure.delayMs), failingSince, failures, err };
    const isFirst = current.warnedAtMs === -Infinity;
    if (isFirst && failure.reason === "expired") {
      if (failures === 1) log.info(fields, "watch position is too old");
    } else if (isFirst || clock.nowMs() - current.warnedAtMs >= REMIND_MS) {
      current.warnedAtMs = clock.nowMs();
      log.warn(fields, isFirst ? "list or watch failed" : "list or watch still failing");
    } else log.debug(fields, "list or watch failed again");
  };
  return {
    failed(failure) {
      outage ??= begin();
      outage.failures++;
      tell(outage, failure);
    },
    listed() {
      if (outage !== undefined) outage.listed = true;
    },
    worked() {
      if (outage === undefined) return;
      const { sinceMs, failingSince, failures, listed } = outage;
      outage = undefined;
      const fields = { kind, failingSince, failedMs: Math.round(clock.nowMs() - sinceMs), failures };
      log.info(fields, listed ? "listed again" : "watching again");
    },
  };
}
