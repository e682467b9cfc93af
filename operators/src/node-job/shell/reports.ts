// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import { JOB_UID_LABEL, type NodeTaskReport } from "@longshore/crds/tasks";
import {
  isNotFound,
  type Cache,
  type Client,
  type Informer,
  type KubeObject,
  type Resource,
} from "../../runtime/index.ts";
import type { TaskReport } from "../port.ts";

const NODE_TASK_REPORTS: Resource = kinds.NodeTaskReport;

/** All that is kept of a NodeTaskReport. */
export interface StoredReport extends KubeObject {
  readonly report: Told;
}

type Told = NodeTaskReport["report"] & TaskReport;

export const REPORT_SELECTION = { resource: NODE_TASK_REPORTS, transform: trimReport } as const;

function trimReport(object: StoredReport): StoredReport {
  const { name, uid, resourceVersion } = object.metadata;
  const { actions = [], ...report } = object.report as NodeTaskReport["report"];
  return { metadata: { name, uid, resourceVersion }, report: { ...report, actions } };
}

/** What nodes told of their tasks. */
export interface Reports {
  readonly informer: Informer<StoredReport>;
  ofJob(uid: string): readonly TaskReport[];
  count(uid: string): number;
  /** Uids of the jobs of this name that something is told of. */
  uidsOf(kind: string, name: string): ReadonlySet<string>;
}

const jobKey = (kind: string, name: string): string => `${kind}/${name}`;

export function openReports(cache: Cache): Reports {
  const { resource, ...selection } = REPORT_SELECTION;
  const informer = cache.informer<StoredReport>(resource, selection);
  informer.addIndex("uid", ({ report }) => [report.jobUid]);
  informer.addIndex("job", ({ report }) => [jobKey(report.jobKind, report.jobName)]);
  const ofJob = (uid: string): readonly StoredReport[] => informer.byIndex("uid", uid);
  return {
    informer,
    ofJob: (uid) => ofJob(uid).map(({ report }) => report),
    count: (uid) => ofJob(uid).length,
    uidsOf: (kind, name) =>
      new Set(informer.byIndex("job", jobKey(kind, name)).map(({ report }) => report.jobUid)),
  };
}

/** Deletes all that was told of one job. */
export const dropReports = (
  client: Pick<Client, "deleteCollection">,
  uid: string,
  signal: AbortSignal,
): Promise<void> =>
  client.deleteCollection(NODE_TASK_REPORTS, { labelSelector: `${JOB_UID_LABEL}=${uid}`, signal });

/**
 * Asked of the API server itself: the watch of jobs may be behind that of reports, and what a node told is not to be
 * lost for that.
 */
export async function isJobGone(
  client: Pick<Client, "get">,
  resource: Resource,
  { name, uid, signal }: { readonly name: string; readonly uid: string; readonly signal: AbortSignal },
): Promise<boolean> {
  try {
    return (await client.get(resource, { name }, { signal })).metadata.uid !== uid;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}
