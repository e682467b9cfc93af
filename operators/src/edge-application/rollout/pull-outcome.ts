// SPDX-License-Identifier: Apache-2.0
import type { ImagePrePullJobNodeStatus, ImagePrePullJobStatus } from "@longshore/crds/operations";
import type { PrePullState } from "./port.ts";

const MAX_REASON_CHARS = 300;

/**
 * What a job's status says; undefined while nobody has begun it.
 *
 * A node that could not pull fails the job here, though the job tolerates it. One that did not answer in time (phase
 * Unknown) is most likely away, and is not waited for, nor is one that our controllers wait for until it is back; if
 * none answered, nothing is known, which is a failure.
 *
 * @see KubeEdge's phases of node tasks: Init, InProgress, Completed, Failure; of a node also Successful and Unknown
 */
export function outcomeOf(status: ImagePrePullJobStatus | undefined): PrePullState | undefined {
  if (status === undefined || status.phase === "") return undefined;
  const isOver = status.phase === "Completed" || status.phase === "Failure";
  if (!isOver && !areOthersAway(status)) return { state: "pulling" };
  const failure = failureOf(status.nodeStatus ?? []);
  if (failure !== undefined) return { state: "failed", message: failure };
  return status.phase === "Failure" ? { state: "failed", message: cut(status.reason) } : { state: "pulled" };
}

/** None is at work, and all that have not begun are away. */
const areOthersAway = ({ summary: { running, pending, offline } = {} }: ImagePrePullJobStatus): boolean =>
  running === 0 && pending !== undefined && pending > 0 && pending === offline;

function failureOf(nodes: readonly ImagePrePullJobNodeStatus[]): string | undefined {
  const failed = nodes.filter(({ phase }) => phase === "Failure");
  const [first] = failed;
  if (first !== undefined) return `${failed.length} of ${nodes.length} nodes failed: ${wordsOf(first)}`;
  const isSilent = nodes.length > 0 && nodes.every(({ phase }) => phase === "Unknown" || phase === "Pending");
  return isSilent ? `none of ${nodes.length} nodes answered in time` : undefined;
}

/** The first failure of a node: `edge-1: busybox:1.36: no such host` */
function wordsOf({ nodeName, reason, imageStatus }: ImagePrePullJobNodeStatus): string {
  const image = imageStatus?.find(({ status }) => status === "False");
  const what =
    image === undefined ? cut(reason) : `${image.image ?? "an image"}: ${cut(image.reason ?? reason)}`;
  return `${nodeName ?? "a node"}: ${what}`;
}

const cut = (reason: string | undefined): string =>
  reason === undefined || reason === "" ? "no reason was told" : reason.slice(0, MAX_REASON_CHARS);
