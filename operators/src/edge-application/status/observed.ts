// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationRolloutStatus, EdgeApplicationSpec, RenderFault } from "@longshore/crds/apps";
import type { WorkloadFacts } from "../apply/facts.ts";
import type { Ref } from "../resources.ts";
import type { Words } from "../rollout/index.ts";

/** One object that is to exist, as it stands. */
export interface ObservedChild {
  readonly ref: Ref;
  /** Of its API. */
  readonly version: string;
  /** Plural name, when its kind is known. */
  readonly resource?: string;
  readonly ordinal: number;
  readonly target?: string;
  readonly exists: boolean;
  /** The controller has given it what the application says by now. */
  readonly isApplied: boolean;
  readonly facts?: WorkloadFacts;
  /** Why it could not be made as it should be. */
  readonly fault?: string;
}

export interface ObservedTarget {
  readonly name: string;
  readonly revision?: string;
  readonly nodes: number;
  readonly readyNodes: number;
  /** It is a group that does not exist. */
  readonly isMissing: boolean;
  /** Its group is protected: admission learns from the status which scales and evictions that forbids. */
  readonly isProtected?: boolean;
}

/** All that the status of an application is made of. */
export interface Observed {
  readonly generation: number;
  readonly namespace: string;
  readonly spec: Pick<EdgeApplicationSpec, "workloadTemplate">;
  readonly children: readonly ObservedChild[];
  /** Of manifests and of their differences. */
  readonly faults: readonly RenderFault[];
  /** What of the spec changes nothing: no fault, but somebody meant something by it. */
  readonly notes?: readonly string[];
  /** Of the scope, of pruning: not of one object. */
  readonly scopeFaults: readonly string[];
  readonly pruneFaults: readonly string[];
  readonly targets: readonly ObservedTarget[];
  readonly rollout?: EdgeApplicationRolloutStatus;
  readonly rolloutConditions: readonly Words[];
}
