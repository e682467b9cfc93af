// SPDX-License-Identifier: Apache-2.0
import type { Job, JobCondition, JobStatus } from "./port.ts";
import type { Refusal } from "./select.ts";
import { phrase, type Tally } from "./summary.ts";

type Told = Pick<JobCondition, "type" | "status" | "reason" | "message">;

/** How the job stands, for its conditions. */
export interface Standing {
  readonly job: Job;
  readonly phase: JobStatus["phase"];
  readonly tally: Tally;
  /** Why no further node begins: KubeEdge's words */
  readonly exceeded: string | undefined;
}

/** Conditions in which a job says where it stands, and what to do next. */
export function conditionsOf(standing: Standing): Told[] {
  const { job } = standing;
  return [
    told(
      "Accepted",
      true,
      "Accepted",
      `${standing.tally.summary.total} nodes were selected when the job was accepted`,
    ),
    progressing(standing),
    complete(standing),
    failed(standing),
    ...(job.kind === "NodeUpgradeJob" && job.requireConfirmation ? [confirming(standing)] : []),
  ];
}

/** Conditions of a job that is not carried out. */
export const refusedConditions = ({ reason, message }: Refusal): Told[] => [
  told("Accepted", false, reason, message),
  told("Progressing", false, "Stopped", "the job was not accepted: see Accepted"),
  told("Complete", false, reason, message),
  told("Failed", true, reason, message),
];

const told = (type: string, isTrue: boolean, reason: string, message: string): Told => ({
  ...{ type, status: isTrue ? "True" : "False", reason, message },
});

function progressing({ job, phase, tally, exceeded }: Standing): Told {
  const { running, offline, summary } = tally;
  const at = (reason: string, message: string): Told =>
    told("Progressing", running.count > 0, reason, message);
  if (exceeded !== undefined && phase === "InProgress")
    return at("Stopped", `no further node begins: ${exceeded}; at work still: ${phrase(running)}`);
  if (phase === "Failure") return at("Stopped", stoppedMessage(job, summary.pending));
  if (phase === "Completed") return at("Finished", "no node is left");
  if (running.count > 0)
    return at("NodeStarted", `${running.count} at work (${phrase(running)}), ${summary.pending} to follow`);
  if (offline.count > 0)
    return at(
      "Waiting",
      `${offline.count} not connected (${phrase(offline)}): they begin when they are back`,
    );
  return at("Waiting", `${summary.pending} nodes are to begin, in their turn`);
}

const stoppedMessage = ({ attempt }: Job, pending: number): string =>
  `no further node begins${pending === 0 ? "" : `, ${pending} never did`}; remove the cause, then annotate the job longshore.io/attempt=${attempt + 1}`;

function complete({ phase, tally, exceeded }: Standing): Told {
  const { total, done, failed: lost, superseded } = tally.summary;
  const left = superseded === 0 ? "" : `, ${superseded} left to later jobs`;
  const count = `${done} of ${total} nodes succeeded, ${lost} failed${left}`;
  if (phase === "Completed") return told("Complete", true, "Completed", count);
  return told("Complete", false, exceeded === undefined ? "InProgress" : "ToleranceExceeded", count);
}

function failed({ job, phase, exceeded }: Standing): Told {
  if (exceeded === undefined)
    return told("Failed", false, phase === "Completed" ? "Completed" : "InProgress", "within the tolerance");
  const next = `see status.nodeStatus for why; annotate the job longshore.io/attempt=${job.attempt + 1} to try those nodes again`;
  return told("Failed", true, "ToleranceExceeded", `${exceeded}; ${next}`);
}

function confirming({ tally: { confirming: names } }: Standing): Told {
  if (names.count === 0)
    return told("AwaitingConfirmation", false, "Confirmed", "no node waits for a confirmation");
  const how = "confirm on the node itself: keadm ctl confirm, or POST /api/v1/taskupgrade/confirm-upgrade";
  return told("AwaitingConfirmation", true, "Waiting", `${names.count} wait (${phrase(names)}); ${how}`);
}

/** Gives conditions their times: one changes with its status alone. Conditions of others stay. */
export function withTimes(
  before: readonly JobCondition[],
  conditions: readonly Told[],
  { now, job: { generation } }: { readonly now: string; readonly job: Job },
): readonly JobCondition[] {
  const old = new Map(before.map((condition) => [condition.type, condition]));
  const ours = conditions.map((condition) => {
    const known = old.get(condition.type);
    old.delete(condition.type);
    return {
      ...condition,
      ...(generation !== undefined && { observedGeneration: generation }),
      lastTransitionTime: known?.status === condition.status ? known.lastTransitionTime : now,
    };
  });
  return [...ours, ...old.values()];
}
