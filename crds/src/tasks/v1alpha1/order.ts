// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { parseResource } from "../../wire/resource.ts";
import { isSubdomain } from "../../stream/validate-fields.ts";
import type { JobKind } from "./flow.ts";

/** Annotation of a job: greater than 1 has the nodes that failed try again, under a new number. */
export const ATTEMPT_ANNOTATION = "longshore.io/attempt";
/** Label of a NodeTaskReport; the value is its job's uid. */
export const JOB_UID_LABEL = "longshore.io/job-uid";

const MAX_ATTEMPT = 1_000;

/** @returns 1 where none is asked for, or something that is no number from 1 to 1,000 */
export function attemptOf(annotations: Readonly<Record<string, string>> | undefined): number {
  const text = annotations?.[ATTEMPT_ANNOTATION] ?? "1";
  const attempt = /^\d{1,4}$/.test(text) ? Number(text) : 1;
  return attempt >= 1 && attempt <= MAX_ATTEMPT ? attempt : 1;
}

/** Name of the NodeTaskReport of one node and job: node names are too long to stand beside a uid. */
export const reportName = (jobUid: string, node: string): string =>
  createHash("sha256").update(`${jobUid}\0${node}`).digest("hex").slice(0, 40);

/** The two ways in which KubeEdge orders tasks: v1alpha2 once, v1alpha1 (edges up to 1.20) state by state. */
export type Dialect = "v1alpha2" | "v1alpha1";

/** Resource type of delivery and the edge's store, of an order in v1alpha2. */
export const ORDER_KIND: Readonly<Record<JobKind, string>> = {
  NodeUpgradeJob: "nodeupgradejob",
  ImagePrePullJob: "imageprepulljob",
  ConfigUpdateJob: "configupdatejob",
};
/** Resource type of delivery, and first segment on the wire, of an order in v1alpha1, which knows no ConfigUpdateJob. */
export const OLD_ORDER_KIND: Readonly<Record<Exclude<JobKind, "ConfigUpdateJob">, string>> = {
  NodeUpgradeJob: "upgrade",
  ImagePrePullJob: "prepull",
};

/** What a task's resource on the wire names. */
export interface TaskAddress {
  readonly dialect: Dialect;
  readonly kind: JobKind;
  readonly job: string;
  readonly node: string;
}

const PREFIX = "operations.kubeedge.io";

/** `operations.kubeedge.io/v1alpha2/<kind>/<job>/node/<node>` or `<upgrade|prepull>/<job>/node/<node>` */
export function formatTaskResource({ dialect, kind, job, node }: TaskAddress): string {
  if (dialect === "v1alpha2") return `${PREFIX}/v1alpha2/${ORDER_KIND[kind]}/${job}/node/${node}`;
  const old = kind === "ConfigUpdateJob" ? ORDER_KIND[kind] : OLD_ORDER_KIND[kind];
  return `${old}/${job}/node/${node}`;
}

/** Reads what `formatTaskResource` writes, of an order or a report. @returns undefined for anything else */
export function parseTaskResource(text: string): TaskAddress | undefined {
  const [dialect, word, job, middle, node, ...rest] = partsOf(text);
  if (dialect === undefined || middle !== "node" || rest.length > 0) return undefined;
  const words = Object.entries(dialect === "v1alpha2" ? ORDER_KIND : OLD_ORDER_KIND) as [JobKind, string][];
  const kind = words.find(([, name]) => name === word)?.[0];
  return kind !== undefined && isName(job) && isName(node) ? { dialect, kind, job, node } : undefined;
}

const isName = (text: string | undefined): text is string => text !== undefined && isSubdomain(text);

function partsOf(text: string): [Dialect?, ...string[]] {
  try {
    const { type, name } = parseResource(text);
    const [version, ...segments] = name.split("/");
    if (type !== PREFIX) return ["v1alpha1", type, ...name.split("/")];
    return version === "v1alpha2" ? ["v1alpha2", ...segments] : [];
  } catch {
    return []; // the caller names and counts it
  }
}
