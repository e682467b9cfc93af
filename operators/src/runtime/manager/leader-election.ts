// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Client, KubeObject } from "../client.ts";
import { pause, type Clock } from "../clock.ts";
import { isConflict, isNotFound } from "../errors.ts";
import type { Log } from "../log.ts";
import { LEASES, isOwnLease, mayAcquire, microTime, nextTerm, type Lease, type LeaseSpec } from "./lease.ts";

export interface LeaderElectionOptions {
  readonly namespace: string;
  /** Name of the Lease. */
  readonly name: string;
  /** Default `randomIdentity()`. A name that outlives the process lets the next one go on at once after a crash. */
  readonly identity?: string;
  /**
   * The term that this process led in before, if it did: a Lease of our identity in that term is taken at once.
   * Without it the process is new, and a Lease of its identity is that of the process before it.
   */
  readonly lastTerm?: number;
  /** A Lease that did not change for this long may be taken; default 15 s. */
  readonly leaseMs?: number;
  /** A leader that could not renew for this long stops; default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Default 2 s. */
  readonly retryMs?: number;
  /** Give the Lease up at a stop, so that another takes it at once; default true. The process must end then. */
  readonly releaseOnStop?: boolean;
}

export interface LeaderElectorDeps extends LeaderElectionOptions {
  readonly client: Pick<Client, "get" | "create" | "update">;
  readonly clock: Clock;
  readonly log: Log;
  readonly onChange?: (isLeader: boolean) => void;
}

/** The Lease was lost while we led. What the leader does must end at once: somebody else may lead already. */
export class LeaderLostError extends Error {
  override readonly name = "LeaderLostError";
  readonly code = "LEADER_LOST";
  /** The term that is over. */
  readonly term: number;
  constructor(message: string, term: number, options?: ErrorOptions) {
    super(message, options);
    this.term = term;
  }
}

/** An identity that no other process has, as client-go makes it. */
export const randomIdentity = (): string => `${hostname()}_${randomUUID()}`;

export interface LeaderElector {
  readonly identity: string;
  /** Resolves when we lead. */
  readonly elected: Promise<void>;
  /** We lead, and the last renewal is within the deadline even if timers were late. */
  isLeading(): boolean;
  /** Once true it stays true: we led and must not write any more. */
  hasLost(): boolean;
  /** `leaseTransitions` of our Lease: rises with each leader. 0 before we lead. */
  term(): number;
  /** Runs until the signal aborts, then releases. @throws {LeaderLostError} */
  run(signal: AbortSignal): Promise<void>;
}

export function createLeaderElector(deps: LeaderElectorDeps): LeaderElector {
  const { client, clock, log, namespace, name } = deps;
  const { leaseMs = 15_000, renewDeadlineMs = 10_000, retryMs = 2000 } = deps;
  const identity = deps.identity ?? randomIdentity();
  const callMs = Math.max(1000, renewDeadlineMs / 2);
  let state: "candidate" | "leader" | "lost" | "released" = "candidate";
  let lease: Lease | undefined;
  let changedAtMs = 0;
  let renewedAtMs = 0;
  let term = 0;
  // Terms in which a Lease of our identity is ours: the one before this run, and the one we asked for last, as
  // the answer may have been lost.
  let lastTerm = deps.lastTerm;
  let triedTerm = -1;
  let hasLooked = lastTerm !== undefined;
  let isRenewalFailing = false;
  let resolveElected: () => void = () => undefined;
  const elected = new Promise<void>((resolve) => (resolveElected = resolve));

  const observe = (seen: Lease): void => {
    if (seen.metadata.resourceVersion !== lease?.metadata.resourceVersion) changedAtMs = clock.nowMs();
    lease = seen;
  };
  const specOf = (term: number, acquireTime: string): LeaseSpec => ({
    holderIdentity: identity,
    leaseDurationSeconds: Math.max(1, Math.round(leaseMs / 1000)),
    acquireTime,
    renewTime: microTime(clock.wallMs()),
    leaseTransitions: term,
  });
  const write = async (current: Lease, spec: LeaseSpec, signal?: AbortSignal): Promise<void> => {
    // The time before the call counts: the answer may come late.
    const startedAtMs = clock.nowMs();
    // A leader must know by its deadline whether it still is one.
    const timeoutMs = state === "leader" ? Math.min(callMs, leftMs()) : callMs;
    const body = { metadata: current.metadata, spec };
    observe(await client.update<KubeObject & Lease>(LEASES, body, { timeoutMs, ...(signal && { signal }) }));
    renewedAtMs = startedAtMs;
  };
  const look = async (signal: AbortSignal): Promise<void> => {
    try {
      observe(
        await client.get<KubeObject & Lease>(LEASES, { name, namespace }, { timeoutMs: callMs, signal }),
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
      lease = undefined;
    }
  };
  const mayTake = ({ spec }: Lease): boolean =>
    isOwnLease(spec, identity, [lastTerm ?? -1, triedTerm]) ||
    mayAcquire(spec, clock.nowMs() - changedAtMs, leaseMs);
  const lookAsCandidate = async (signal: AbortSignal): Promise<void> => {
    await look(signal);
    // What stands there when we come is of the process before us. Later only another one can have written it.
    if (!hasLooked && lease?.spec?.holderIdentity === identity) lastTerm = lease.spec.leaseTransitions ?? 0;
    hasLooked = true;
  };
  const create = async (spec: LeaseSpec, signal: AbortSignal): Promise<void> => {
    const startedAtMs = clock.nowMs();
    const body = { metadata: { name, namespace }, spec };
    observe(await client.create<KubeObject & Lease>(LEASES, body, { timeoutMs: callMs, signal }));
    renewedAtMs = startedAtMs;
  };
  const acquire = async (signal: AbortSignal): Promise<boolean> => {
    await lookAsCandidate(signal);
    if (lease !== undefined && !mayTake(lease)) return false;
    triedTerm = nextTerm(lease?.spec?.leaseTransitions ?? lastTerm, clock.wallMs());
    const spec = specOf(triedTerm, microTime(clock.wallMs()));
    await (lease === undefined ? create(spec, signal) : write(lease, spec, signal));
    return true;
  };
  const writeOwn = async (change: Partial<LeaseSpec>, signal?: AbortSignal): Promise<void> => {
    if (lease === undefined) throw new LeaderLostError("the Lease is gone", term);
    await write(lease, { ...specOf(term, lease.spec?.acquireTime ?? ""), ...change }, signal);
  };
  const renew = async (signal: AbortSignal): Promise<void> => {
    try {
      await writeOwn({}, signal);
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
      // Our own write may have succeeded without its answer, or somebody labelled the Lease.
      await look(signal);
      if (isOwnLease(lease?.spec, identity, [term])) return;
      throw new LeaderLostError(whoHolds(), term, { cause: error });
    }
  };
  const whoHolds = (): string =>
    lease?.spec?.holderIdentity === identity
      ? "another process of our identity holds the Lease: identities must be unique"
      : "somebody else holds the Lease";
  const leftMs = (): number => renewedAtMs + renewDeadlineMs - clock.nowMs();
  const isLate = (): boolean => leftMs() <= 0;

  const untilElected = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const won = await acquire(signal).catch((error: unknown) => {
        if (!signal.aborted) log.debug({ lease: name, err: error }, "lease not acquired");
        return false;
      });
      if (won) return;
      // Not only at the next poll: a dead leader's Lease is taken as soon as it may be.
      const retryInMs = retryMs * (1 + Math.random() * 0.2);
      const staleInMs = changedAtMs + leaseMs + 1 - clock.nowMs();
      await pause(clock, staleInMs > 0 ? Math.min(retryInMs, staleInMs) : retryInMs, signal);
    }
  };
  const untilLost = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await pause(clock, Math.min(retryMs, leftMs()), signal);
      if (isAborted(signal)) return;
      // Checked before the renewal too: after a stall another may lead, and renewing would hide it.
      if (isLate()) throw new LeaderLostError("the Lease was not renewed in time", term);
      await renew(signal).then(
        () => (isRenewalFailing = false),
        (error: unknown) => {
          if (error instanceof LeaderLostError) throw error;
          if (!signal.aborted && !isRenewalFailing)
            log.warn({ lease: name, err: error }, "lease not renewed");
          isRenewalFailing = true;
        },
      );
    }
  };
  const release = async (): Promise<void> => {
    state = "released";
    if (deps.releaseOnStop === false) return;
    await writeOwn({ holderIdentity: "", leaseDurationSeconds: 1 }).catch((error: unknown) =>
      log.warn({ lease: name, err: error }, "lease not released"),
    );
  };

  return {
    identity,
    elected,
    isLeading: () => state === "leader" && !isLate(),
    hasLost: () => state === "lost" || state === "released" || (state === "leader" && isLate()),
    term: () => (state === "leader" ? term : 0),
    async run(signal) {
      await untilElected(signal);
      if (signal.aborted) return;
      term = triedTerm;
      state = "leader";
      log.info({ lease: name, identity, term }, "became leader");
      deps.onChange?.(true);
      resolveElected();
      try {
        await untilLost(signal);
      } catch (error) {
        state = "lost";
        deps.onChange?.(false);
        throw error;
      }
      deps.onChange?.(false);
      await release();
    },
  };
}

// Read through a function: the compiler takes a signal that was not aborted before an await for one that never is.
const isAborted = (signal: AbortSignal): boolean => signal.aborted;
