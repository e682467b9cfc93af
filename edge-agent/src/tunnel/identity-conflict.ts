// SPDX-License-Identifier: Apache-2.0
import { CloseCode } from "@longshore/crds/wire";
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import type { TunnelMetrics } from "./metrics.ts";

/** When closes with 4409 tell of a second agent, and how an agent then behaves. */
export interface IdentityConflictOptions {
  /** Takeovers within `windowMs` that make a conflict. Default 3: one is a reconnect of this agent itself. */
  readonly takeovers: number;
  /** Default 1 min. */
  readonly windowMs: number;
  /** Least pause before the next dial; the backoff adds up to as much again. Default 2 min. */
  readonly pauseMs: number;
  /** A session this long ends the conflict; longer than the longest pause of the other agent. Default 5 min. */
  readonly settledAfterMs: number;
}

/** Two agents pause 2 to 4 min each: a cloned disk costs the hub some sessions an hour, not one every few seconds. */
export const DEFAULT_IDENTITY_CONFLICT: IdentityConflictOptions = {
  takeovers: 3,
  windowMs: 60_000,
  pauseMs: 120_000,
  settledAfterMs: 300_000,
};

/** Tells a second agent with the same identity from an ordinary takeover. */
export interface IdentityConflict {
  established(): void;
  /** @returns the least pause before the next dial, in milliseconds; undefined when nothing speaks for one */
  ended(closeCode: number): number | undefined;
}

export interface IdentityConflictDeps {
  readonly clock: Clock;
  readonly log: Pick<AgentLog, "error" | "info">;
  readonly metrics: Pick<TunnelMetrics, "takenOver" | "identityConflict">;
}

/** Without this, two agents with one certificate would take the session from each other for ever. */
export function createIdentityConflict(
  options: IdentityConflictOptions,
  { clock, log, metrics }: IdentityConflictDeps,
): IdentityConflict {
  let takenOverAtMs: number[] = [];
  let isConflict = false;
  let cancelSettled: (() => void) | undefined;

  const setConflict = (value: boolean): void => {
    isConflict = value;
    takenOverAtMs = [];
    metrics.identityConflict(value);
  };
  const noteTakeover = (): void => {
    if (isConflict) return;
    const nowMs = clock.monotonicMs();
    takenOverAtMs = [...takenOverAtMs.filter((atMs) => nowMs - atMs < options.windowMs), nowMs];
    if (takenOverAtMs.length < options.takeovers) return;
    setConflict(true);
    log.error(
      { takeovers: options.takeovers, windowMs: options.windowMs, pauseMs: options.pauseMs },
      "another agent uses this node's certificate: find it, such as a copied disk, and let one of the two join under a name of its own",
    );
  };
  return {
    established: () => {
      if (!isConflict) return;
      cancelSettled = clock.schedule(options.settledAfterMs, () => {
        setConflict(false);
        log.info("this node's certificate is used by this agent alone again");
      });
    },
    ended: (closeCode) => {
      cancelSettled?.();
      cancelSettled = undefined;
      if (closeCode !== CloseCode.superseded) return undefined;
      metrics.takenOver();
      noteTakeover();
      return isConflict ? options.pauseMs : undefined;
    },
  };
}
