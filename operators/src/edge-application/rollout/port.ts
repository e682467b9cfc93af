// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplication, EdgeApplicationRolloutStatus } from "@longshore/crds/apps";
import type { Child, GroupFacts, RenderedSpec, Target } from "@longshore/crds/apps";
import type { Condition } from "../../runtime/index.ts";

/** A node, as far as rollouts look at it. */
export interface NodeView {
  readonly name: string;
  /** Its Ready condition is True. What is not ready is not waited for. */
  readonly isReady: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/** A child with pods, as its status tells. */
export interface WorkloadView {
  readonly kind: string;
  readonly name: string;
  /** Version of `rollout.versions` that it is for. */
  readonly version?: string;
  /**
   * Revision that the object in the cache was last applied from (its annotation REVISION), undefined without one.
   * Tells an object that was changed from one that is still to be: a batch is done only when all have its revision.
   */
  readonly revision: string | undefined;
  /** Whether its controller has seen the newest spec. */
  readonly isObserved: boolean;
  readonly desired: number;
  /** Pods made from the newest template. */
  readonly upToDate: number;
  readonly available: number;
  /** Nodes that have a pod of a DaemonSet and should not. They use up its maxUnavailable. */
  readonly misplaced?: number;
  /** Whether `desired` of a DaemonSet counts nodes that are away: only where its pods tolerate their taint. */
  readonly countsAway?: boolean;
}

/** A target as it stands, whichever revision it runs. */
export interface TargetView {
  readonly name: string;
  readonly nodes: readonly NodeView[];
  readonly workloads: readonly WorkloadView[];
}

export interface RolloutInput {
  /** From the cache; `status.rollout` may be older than our last write, see RolloutStep.status. */
  readonly app: EdgeApplication;
  readonly groups: readonly GroupFacts[];
  /** By name, of targets of every revision that may be in use. */
  readonly view: (target: Target) => TargetView;
}

/** What one target gets now. */
export interface TargetPlan {
  readonly target: Target;
  readonly revision: string;
  readonly spec: RenderedSpec;
  /** See RenderTargetInput. */
  readonly maxUnavailable?: number;
  /**
   * Of the rendered children those that are not applied yet, and not pruned either: what is there stays as it is.
   * DaemonSets of one target change one after another, so that together they keep to the cap.
   */
  readonly holds?: (child: Pick<Child, "object" | "version">) => boolean;
}

/** Annotation of a child with pods, given when it is applied: TargetPlan.revision. Only while a step has a status. */
export const REVISION = "longshore.io/revision";

export type Words = Pick<Condition, "type" | "status" | "reason" | "message">;

/** What is to be done now. The caller stores `status` first, then applies, then prunes. */
export interface RolloutStep {
  /**
   * Targets that have something now. A target that waits for its first batch is not among them. Their revisions are
   * stored as `status.targets[].revision` in the same write as `status`.
   */
  readonly targets: readonly TargetPlan[];
  /** What the objects that exist once are made from; absent while nothing was rolled out yet. */
  readonly shared: { readonly revision: string; readonly spec: RenderedSpec } | undefined;
  /** Children that stay, though none of the plans has them: hosts still run them, or targets still use them. */
  readonly keeps: (child: { readonly target?: string; readonly version?: string }) => boolean;
  /** absent without `spec.rollout` */
  readonly status?: EdgeApplicationRolloutStatus;
  /** RolledOut, ImagesPrePulled, Paused */
  readonly conditions: readonly Words[];
  /** Something is waited for that no event tells of. */
  readonly afterMs?: number;
}

/** Decides which revision each target runs now, and moves hosts between versions. */
export interface Rollout {
  step(input: RolloutInput, signal: AbortSignal): Promise<RolloutStep>;
  /** The application is gone: what lies outside of its namespace is removed. */
  forget(
    app: { readonly namespace: string; readonly name: string; readonly uid: string },
    signal: AbortSignal,
  ): Promise<void>;
}

/** One number, or why there is none. */
export type Measured = { readonly value: number } | { readonly error: string };

/** Asks Prometheus; its address is the operators' configuration, never an application's. */
export interface Metrics {
  query(promql: string, signal: AbortSignal): Promise<Measured>;
}

/** Revisions of an application, kept as ControllerRevisions that it owns. */
export interface Revisions {
  /** Name of a spec's revision: the same for the same spec. */
  nameOf(spec: RenderedSpec): string;
  /** Stores it unless it is stored. @returns its name */
  save(app: EdgeApplication, spec: RenderedSpec, signal: AbortSignal): Promise<string>;
  /** undefined: there is none of this name */
  read(app: EdgeApplication, name: string, signal: AbortSignal): Promise<RenderedSpec | undefined>;
  /** Removes the oldest beyond `limit`, never one of `keep`. */
  trim(app: EdgeApplication, keep: readonly string[], limit: number, signal: AbortSignal): Promise<void>;
}

export type PrePullState =
  | { readonly state: "pulled" | "pulling" | "absent" }
  | { readonly state: "failed"; readonly message: string };

/** Has nodes pull images, by an ImagePrePullJob for each batch. */
export interface PrePull {
  /**
   * Makes the job if it is not there, and tells how it stands on `nodes`: those that are ready now. A node that the job
   * has and that is not among them is away, and not waited for. `absent`: nobody carries such jobs out.
   */
  ensure(
    job: {
      readonly app: EdgeApplication;
      readonly revision: string;
      readonly batch: number;
      readonly images: readonly string[];
      readonly nodes: readonly string[];
    },
    signal: AbortSignal,
  ): Promise<PrePullState>;
  /** uids of the applications that have jobs, at most one page. */
  owners(signal: AbortSignal): Promise<readonly string[]>;
  /** Removes the jobs of an application, except those of this revision. */
  clean(
    app: { readonly namespace: string; readonly name: string; readonly uid: string },
    revision: string | undefined,
    signal: AbortSignal,
  ): Promise<void>;
}
