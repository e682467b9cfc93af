// SPDX-License-Identifier: Apache-2.0
import { createBackoff } from "../cache/backoff.ts";
import type { Client } from "../client.ts";
import { pause, type Clock } from "../clock.ts";
import { ApiError } from "../errors.ts";
import type { Log } from "../log.ts";
import { LeaderLostError, randomIdentity, type LeaderElectionOptions } from "./leader-election.ts";
import { LEASES } from "./lease.ts";
import type { Runnable } from "./runnable.ts";

export interface StandingDeps {
  readonly client: Pick<Client, "get">;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: there is nothing to lose, and only failures begin it anew. */
  readonly election?: LeaderElectionOptions | undefined;
  /**
   * Composes all that leads, anew each time: nothing of a leader that lost may be used again.
   *
   * @returns runs it until the signal aborts. @throws {LeaderLostError} or what it failed with, when all has ended
   */
  compose(election: LeaderElectionOptions | undefined): (signal: AbortSignal) => Promise<void>;
  /** Pause after a loss or failure, doubled with each failure in a row; default 1 s to 30 s. */
  readonly backoff?: { readonly baseMs: number; readonly capMs: number };
  /** How often is asked whether the API server is back; default 2 s. */
  readonly pollMs?: number;
}

/**
 * Stands for election again and again until it is stopped, so that neither a lost Lease nor a failure of what leads
 * ends the process and what else runs in it.
 */
export function createStanding(deps: StandingDeps): Runnable {
  const { clock, log } = deps;
  const backoff = createBackoff(deps.backoff ?? { baseMs: 1000, capMs: 30_000 });
  const election = deps.election && { identity: randomIdentity(), ...deps.election };
  let lastTerm: number | undefined;

  const standOnce = async (signal: AbortSignal): Promise<unknown> => {
    const known = election && lastTerm !== undefined ? { ...election, lastTerm } : election;
    const run = deps.compose(known);
    return run(signal).then(
      () => undefined,
      (error: unknown) => error,
    );
  };
  const judge = (error: unknown): void => {
    if (error instanceof LeaderLostError) {
      lastTerm = error.term;
      backoff.reset();
      log.warn({ err: error, term: error.term }, "leadership lost, standing for election again");
    } else log.error({ err: error }, "controllers failed, beginning anew");
  };

  return {
    needsLeaderElection: false,
    async start(signal) {
      while (!signal.aborted) {
        const error = await standOnce(signal);
        if (error === undefined) return;
        judge(error);
        await pause(clock, backoff.nextMs(), signal);
        await untilAnswered(deps, signal);
      }
    },
  };
}

/** Composing has lists to do, which then back off for long: it waits until one cheap call is answered, whatever with. */
async function untilAnswered(deps: StandingDeps, signal: AbortSignal): Promise<void> {
  const { client, clock, election, pollMs = 2000 } = deps;
  const { namespace = "default", name = "none" } = election ?? {};
  while (!signal.aborted) {
    const isAnswered = await client.get(LEASES, { namespace, name }, { timeoutMs: 5000, signal }).then(
      () => true,
      (error: unknown) => error instanceof ApiError && error.code >= 400 && error.code < 500,
    );
    if (isAnswered) return;
    await pause(clock, pollMs * (1 + Math.random() * 0.2), signal);
  }
}
