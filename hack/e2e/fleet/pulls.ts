// SPDX-License-Identifier: Apache-2.0
// What the agents of a fleet, and their hub, make of an ImagePrePullJob: every image is there at once.
import { kinds } from "@longshore/crds/kinds";
import type { ImagePrePullJob } from "@longshore/crds/operations";
import { attemptOf, JOB_UID_LABEL, reportName } from "@longshore/crds/tasks";
import {
  DONE,
  type Client,
  type Informer,
  type KubeObject,
  type Reconciler,
} from "@longshore/operators/runtime";

export type PullJob = ImagePrePullJob & KubeObject;

export interface PullsDeps {
  readonly client: Client;
  readonly jobs: Informer<PullJob>;
  /** A node of the fleet that is there now. */
  readonly isPresent: (node: string) => boolean;
  /** Told once a node and job. */
  readonly pulled: (node: string, job: PullJob) => void;
}

/** Reports for each node whose turn it is. */
export function createPulls({ client, jobs, isPresent, pulled }: PullsDeps): Reconciler {
  const told = new Set<string>();
  return async ({ name }, { signal }) => {
    const job = jobs.get({ name });
    for (const { nodeName = "", phase } of job?.status?.nodeStatus ?? []) {
      if (job === undefined || phase !== "InProgress" || !isPresent(nodeName)) continue;
      const key = reportName(job.metadata.uid, nodeName);
      if (told.has(key)) continue;
      await client.apply(kinds.NodeTaskReport, reportOf(job, nodeName), {
        fieldManager: "fleet",
        force: true,
        signal,
      });
      told.add(key);
      pulled(nodeName, job);
    }
    return DONE;
  };
}

function reportOf({ metadata, spec }: PullJob, nodeName: string) {
  const { name, uid, annotations } = metadata;
  const time = new Date().toISOString();
  const { images = [] } = spec.imagePrePullTemplate ?? {};
  return {
    metadata: {
      name: reportName(uid, nodeName),
      labels: { [JOB_UID_LABEL]: uid },
      ownerReferences: [
        { apiVersion: "operations.kubeedge.io/v1alpha2", kind: "ImagePrePullJob", name, uid },
      ],
    },
    report: {
      ...{
        jobKind: "ImagePrePullJob",
        jobName: name,
        jobUid: uid,
        nodeName,
        attempt: attemptOf(annotations),
      },
      actions: ["Check", "Pull"].map((action) => ({ action, status: "True", time })),
      images: images.map((image) => ({ image, status: "True" })),
    },
  };
}
