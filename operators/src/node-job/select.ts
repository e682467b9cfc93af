// SPDX-License-Identifier: Apache-2.0
import type { Job, NodeFact, Nodes, Task } from "./port.ts";
import { isStorable, MAX_NODES } from "./sizes.ts";

/** Why a job is refused, in the reasons of its condition Accepted. */
export interface Refusal {
  readonly reason: "InvalidSpec" | "NoNodesSelected";
  readonly message: string;
}

/** Which nodes a job is about. Asked once, when it is accepted: nodes that come or change later are none of its own. */
export function select(job: Job, nodes: Nodes): readonly Task[] | Refusal {
  const fault = faultOf(job);
  if (fault !== undefined) return invalid(fault);
  const tasks =
    job.labelSelector === undefined ? named(job, nodes) : matching(job, nodes.matching(job.labelSelector));
  if (tasks.length === 0) return { reason: "NoNodesSelected", message: NONE };
  const { length } = tasks;
  if (length > MAX_NODES) return invalid(`${length} nodes are more than ${MAX_NODES}: ${SPLIT}`);
  if (!isStorable(tasks.map(({ nodeName }) => nodeName)))
    return invalid(`the names of ${length} nodes are too long for the status of one job: ${SPLIT}`);
  return tasks;
}

/** KubeEdge's words, and what to do. */
const NONE = "no nodes were matched with selector: label nodes, or name them, and create the job again";
const MAX_MESSAGE_CHARS = 1_024;
const SPLIT = "split it into several jobs";
const invalid = (message: string): Refusal => ({
  reason: "InvalidSpec",
  message: message.slice(0, MAX_MESSAGE_CHARS),
});

function faultOf({ faults = [], nodeNames, labelSelector }: Job): string | undefined {
  if (faults.length > 0) return faults.slice(0, 5).join("; ");
  if (nodeNames.length > 0 && labelSelector !== undefined)
    return "nodeNames and nodeSelector cannot be specified at the same time";
  return nodeNames.length > 0 || labelSelector !== undefined
    ? undefined
    : "nodeNames and nodeSelector cannot both be empty";
}

const named = (job: Job, nodes: Nodes): Task[] =>
  [...new Set(job.nodeNames)].map((name) => taskFor(job, name, unfit(name, nodes.get(name))));

const matching = (job: Job, found: readonly NodeFact[]): Task[] =>
  found.map(({ name }) => taskFor(job, name, undefined));

const taskFor = ({ attempt }: Job, nodeName: string, reason: string | undefined): Task =>
  reason === undefined
    ? { nodeName, phase: "Pending", attempt }
    : { nodeName, phase: "Failure", attempt, reason };

/** Why this node can be given no task, in KubeEdge's words. */
export function unfit(name: string, node: NodeFact | undefined): string | undefined {
  if (node === undefined) return `failed to get node, err: Node "${name}" not found`;
  return node.isEdge ? undefined : "the node is not an edge node";
}
