// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
import type { ObjectMeta } from "../../meta.ts";

export interface NodeTaskReportAction {
  /** Name of the step. */
  action: string;
  /** "True" or "False". */
  status: "True" | "False";
  /** Why it failed. */
  reason?: string;
  /** When it ended. */
  time?: string;
}

export interface NodeTaskReportImage {
  /** Name of the image. */
  image?: string;
  /** "True" or "False". */
  status?: string;
  /** Why it failed. */
  reason?: string;
}

export interface NodeTaskReportReport {
  /** Kind of the job. */
  jobKind: "NodeUpgradeJob" | "ImagePrePullJob" | "ConfigUpdateJob";
  /** Name of the job. */
  jobName: string;
  /** Uid of the job. */
  jobUid: string;
  /** Name of the node. */
  nodeName: string;
  /** Attempt that it is about. */
  attempt: number;
  /**
   * Steps taken, in order.
   *
   * @maxItems 8
   */
  actions?: NodeTaskReportAction[];
  /**
   * Result of each image.
   *
   * @maxItems 500
   */
  images?: NodeTaskReportImage[];
  /** What the node is doing, in words. */
  progress?: string;
  /** End of the log of the step that failed. */
  log?: string;
  /** Version of the agent before the job. */
  fromVersion?: string;
  /** Version of the agent after the job. */
  toVersion?: string;
  /** Event of v1alpha1, from an old edge. */
  event?: string;
  /** Action of v1alpha1, from an old edge. */
  action?: string;
  /** State of v1alpha1 that an old edge was in. */
  state?: string;
}

/** What one edge node told of one job. The hub writes it, the job's status takes it in, and it goes when the job has ended. */
export interface NodeTaskReport {
  apiVersion: "tasks.longshore.io/v1alpha1";
  kind: "NodeTaskReport";
  metadata: ObjectMeta;
  /** What was told. */
  report: NodeTaskReportReport;
}
