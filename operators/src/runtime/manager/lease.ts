// SPDX-License-Identifier: Apache-2.0
import type { ObjectMeta, Resource } from "../client.ts";

export const LEASES: Resource = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  namespaced: true,
};

export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  /** MicroTime */
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface Lease {
  readonly metadata: ObjectMeta;
  readonly spec?: LeaseSpec;
}

/** RFC 3339 with microseconds, as the API server wants it. */
export const microTime = (wallMs: number): string => new Date(wallMs).toISOString().replace("Z", "000Z");

/**
 * The term of a new leader: above every earlier one. Counting alone would start again at zero when somebody
 * deletes the Lease or restores an old etcd, and everything that remembers the highest term would refuse the
 * new leader for ever; so it is at least the minutes since 1970.
 */
export const nextTerm = (previous: number | undefined, wallMs: number): number =>
  Math.max((previous ?? -1) + 1, Math.floor(wallMs / 60_000));

/** What a candidate may do about the Lease it sees. Times are the candidate's own monotonic clock: clocks differ. */
export function mayAcquire(spec: LeaseSpec | undefined, unchangedForMs: number, leaseMs: number): boolean {
  const holder = spec?.holderIdentity ?? "";
  if (holder === "") return true;
  return unchangedForMs > Math.max(leaseMs, (spec?.leaseDurationSeconds ?? 0) * 1000);
}

/**
 * Whether the Lease is still the candidate's own: its identity, in a term that it knows as its own. A Lease of its
 * identity in another term belongs to a second process of that name, and is waited for like anybody's.
 */
export const isOwnLease = (
  spec: LeaseSpec | undefined,
  identity: string,
  ownTerms: readonly number[],
): boolean => spec?.holderIdentity === identity && ownTerms.includes(spec.leaseTransitions ?? 0);
