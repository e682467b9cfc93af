// SPDX-License-Identifier: Apache-2.0

/** How much the controller of applications does at once, and how often. */
export interface EdgeApplicationTuning {
  /** Applications at once; default 4. */
  readonly maxConcurrentReconciles?: number;
  /** Calls to the API server at once, for one application; default 8. */
  readonly applyConcurrency?: number;
  /** Kinds whose objects are watched; default 64. */
  readonly maxKinds?: number;
  /** Least time between two writes of one application's status; default 1 s. */
  readonly statusEveryMs?: number;
  /** How long is waited for more of the same before pods or nodes that changed are looked at; default 300 ms. */
  readonly settleMs?: number;
  /** How long the caches may be behind our own writes before we look again; default 10 s. */
  readonly lagMs?: number;
  /** What was refused is tried again after this long at first; default 1 s. */
  readonly retryBaseMs?: number;
  /** And at most after this long; default 5 min. */
  readonly retryCapMs?: number;
  /** How long a kind that is not served is not asked for again; default 10 s. */
  readonly unknownKindMs?: number;
}

export const DEFAULTS: Required<EdgeApplicationTuning> = {
  maxConcurrentReconciles: 4,
  applyConcurrency: 8,
  maxKinds: 64,
  statusEveryMs: 1000,
  settleMs: 300,
  lagMs: 10_000,
  retryBaseMs: 1000,
  retryCapMs: 300_000,
  unknownKindMs: 10_000,
};
