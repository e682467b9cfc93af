// SPDX-License-Identifier: Apache-2.0
import type { NodeTaskReportAction, NodeTaskReportImage } from "./types.gen.ts";

/** `route.operation` of a report in v1alpha2. KubeEdge's. */
export const REPORT_OPERATION = "UpdateNodeActionStatus";

/**
 * Content of a report in v1alpha2: KubeEdge's five fields, of one step, and ours beside them. Ours tell the whole task
 * each time, so that the last report alone is enough.
 */
export interface ActionReport {
  readonly action: string;
  readonly succ: boolean;
  /** RFC 3339 */
  readonly finishTime: string;
  readonly reason: string;
  /** Upgrades: `<from>,<to>`; pulls: JSON text of images */
  readonly extend: string;
  /** Ours, all of the below. Uid of the job that was ordered. */
  readonly uid?: string;
  readonly attempt?: number;
  readonly actions?: readonly NodeTaskReportAction[];
  readonly images?: readonly NodeTaskReportImage[];
  readonly progress?: string;
  readonly log?: string;
  readonly fromVersion?: string;
  readonly toVersion?: string;
}

/** What is kept of each text; the same as the schema of NodeTaskReport has. */
export const REPORT_LIMITS = {
  actions: 8,
  images: 500,
  stepChars: 64,
  reasonChars: 2048,
  imageReasonChars: 1024,
  progressChars: 256,
  logChars: 4096,
  versionChars: 128,
} as const;
