// SPDX-License-Identifier: Apache-2.0
import type { JobKind } from "@longshore/crds/tasks";

/** Where the task of one node stands. KubeEdge's words. */
export type TaskPhase = "Pending" | "InProgress" | "Successful" | "Failure" | "Unknown";

export interface TaskAction {
  readonly action: string;
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly time?: string;
}

export interface TaskImage {
  readonly image?: string;
  readonly status?: string;
  readonly reason?: string;
}

/** One entry of `status.nodeStatus`: the truth about one node, as it was last written. */
export interface Task {
  readonly nodeName: string;
  readonly phase: TaskPhase;
  readonly attempt: number;
  readonly reason?: string;
  /** RFC 3339; set with the phase InProgress, before any order goes out */
  readonly startTime?: string;
  /** RFC 3339, by the leader's clock: when the last step was told. Timeouts count from here, edges' clocks may be wrong. */
  readonly lastReportTime?: string;
  readonly actionFlow?: readonly TaskAction[];
  readonly imageStatus?: readonly TaskImage[];
  readonly currentVersion?: string;
  readonly historicVersion?: string;
  readonly progress?: string;
  readonly log?: string;
  readonly supersededBy?: string;
  /**
   * State and event of v1alpha1. While the task is InProgress or Unknown, a state at work stands for an edge that is
   * driven in v1alpha1, and is what it was last ordered; otherwise they are for v1alpha1 clients.
   */
  readonly state?: string;
  readonly event?: string;
}

/** What a node told of its task: `report` of its NodeTaskReport. */
export interface TaskReport {
  readonly nodeName: string;
  readonly attempt: number;
  readonly actions?: readonly TaskAction[];
  readonly images?: readonly TaskImage[];
  readonly progress?: string;
  readonly log?: string;
  readonly fromVersion?: string;
  readonly toVersion?: string;
  /** Of an old edge. */
  readonly event?: string;
  readonly action?: string;
  readonly state?: string;
}

/** What a node is, as far as jobs go. */
export interface NodeFact {
  readonly name: string;
  /** Its Node is one of ours (label node-role.kubernetes.io/edge). */
  readonly isEdge: boolean;
  /** Its Node is Ready, or a live hub holds its session: an order reaches it now. */
  readonly isReady: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** What stands behind `-kubeedge-` in its kubeletVersion, such as v1.23.1; "" when nothing does */
  readonly edgeVersion: string;
}

/** One job, its defaults filled in. */
export interface Job {
  readonly kind: JobKind;
  readonly name: string;
  readonly uid: string;
  /** `status.sequence`, or its resourceVersion where it was not accepted yet */
  readonly sequence: string;
  /** `metadata.generation`, for conditions */
  readonly generation?: number;
  /** asked for by annotation */
  readonly attempt: number;
  readonly concurrency: number;
  readonly timeoutMs: number;
  /** 0 to 1 */
  readonly tolerate: number;
  readonly nodeNames: readonly string[];
  readonly labelSelector?: object;
  readonly requireConfirmation: boolean;
  /** Keys that a ConfigUpdateJob sets; empty for the others */
  readonly fields: readonly string[];
  /** Images that an ImagePrePullJob pulls */
  readonly images?: number;
  /** A registry alone knows the digest that an upgrade's package must have: nodes have to ask it. */
  readonly asksRegistry?: boolean;
  /** What is wrong with its spec, in words; any: the job is refused. */
  readonly faults?: readonly string[];
}

/** Another job that may want the same nodes. */
export interface Rival {
  readonly name: string;
  readonly sequence: string;
  /** Its tasks by node; a node that is not in it is none of its own. */
  readonly phaseOf: (node: string) => TaskPhase | undefined;
  /** It makes this job's work on a node needless: a later upgrade, a later change of all the same fields. */
  readonly supersedes: boolean;
  /** It starts nothing any more: it supersedes still, but nobody waits for its tasks. */
  readonly isEnded?: boolean;
  /** Its kind changes the agent as well: a node that is at work for it is waited for, and nothing else. */
  readonly isOtherKind?: boolean;
}

/** The nodes of the cluster. */
export interface Nodes {
  get(name: string): NodeFact | undefined;
  /** Edge nodes that match, by name. */
  matching(labelSelector: object): readonly NodeFact[];
}

/** `status` of a job, as far as it is read and written here; the rest is kept. */
export interface JobStatus {
  readonly phase: "Init" | "InProgress" | "Completed" | "Failure";
  readonly reason?: string;
  readonly sequence?: string;
  readonly nodeStatus?: readonly Task[];
  readonly summary?: {
    readonly total: number;
    readonly done: number;
    readonly failed: number;
    readonly running: number;
    readonly pending: number;
    readonly offline: number;
    readonly superseded: number;
    readonly images?: number;
    readonly fields?: number;
  };
  readonly conditions?: readonly JobCondition[];
  /** Words of v1alpha1. */
  readonly state?: string;
  readonly event?: string;
  readonly action?: string;
  readonly time?: string;
  /** Of upgrades: as the first node that ended has it. */
  readonly currentVersion?: string;
  readonly historicVersion?: string;
}

export interface JobCondition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

export interface DecideInput {
  readonly job: Job;
  /** As the API server has it; undefined before the first write */
  readonly status: JobStatus | undefined;
  readonly reports: readonly TaskReport[];
  readonly nodes: Nodes;
  readonly rivals: readonly Rival[];
  /** Nodes whose order, as far as delivery knows, never arrived and which are not connected. */
  readonly unreached: ReadonlySet<string>;
  readonly nowMs: number;
}

/** Something that people should hear of. */
export interface JobEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** That it is about, and the step: events that differ in these are not counted as one. */
  readonly node?: string;
  readonly step?: string;
}

/**
 * What follows. `status` is to be written before anything else: orders are exactly the tasks that are InProgress in
 * the status that is stored.
 */
export interface Decision {
  readonly status: JobStatus;
  /** Something in it is more than a count or a time: worth a write soon. */
  readonly isChanged: boolean;
  /** Every node has ended, or the job was refused: reports are not needed any more. */
  readonly isEnded: boolean;
  /** Look again then, whatever happens; undefined: not before something changes */
  readonly recheckMs: number | undefined;
  readonly events: readonly JobEvent[];
}

/** Order of one task, as delivery is to hold it. */
export interface TaskOrder {
  /** ORDER_KIND or OLD_ORDER_KIND of @longshore/crds/tasks */
  readonly kind: string;
  readonly node: string;
  /** What makes this order another one (state of v1alpha1); its digest is `orderDigest(job, salt)` of @longshore/crds/tasks */
  readonly salt: string;
}
