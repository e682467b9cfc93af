// SPDX-License-Identifier: Apache-2.0

/** How a workload stands, as its own status tells. */
export interface WorkloadFacts {
  /** Its controller has seen the newest spec. */
  readonly isObserved: boolean;
  readonly desired: number;
  readonly upToDate: number;
  readonly available: number;
  /** Nodes that have a pod of a DaemonSet and should not: it counts each of them as unavailable while it updates. */
  readonly misplaced?: number;
  /** A DaemonSet's pods tolerate that a node is away; those of others are not counted there. */
  readonly countsAway?: boolean;
  /** As workloadStatus calls it: Available or Processing. */
  readonly isAvailable: boolean;
  /** Enough of it works, also while it changes. */
  readonly isServing: boolean;
  /** Why it will not come by itself. */
  readonly message?: string;
}

type Fields = Readonly<Record<string, unknown>>;

interface Parts {
  readonly spec: Fields;
  readonly status: Fields;
  readonly isObserved: boolean;
}

const RULES: Readonly<Record<string, (parts: Parts) => WorkloadFacts>> = {
  "apps/Deployment": deployment,
  "apps/StatefulSet": statefulSet,
  "apps/DaemonSet": daemonSet,
  "apps/ReplicaSet": replicaSet,
  "batch/Job": job,
  "/Pod": pod,
};

/** @returns undefined for a kind without pods of its own, which is available when it exists */
export function factsOf(group: string, kind: string, object: object): WorkloadFacts | undefined {
  const rule = RULES[`${group}/${kind}`];
  if (rule === undefined) return undefined;
  const { metadata, spec, status } = object as Fields;
  const parts = { spec: fields(spec), status: fields(status) };
  const generation = count(fields(metadata)["generation"]);
  return rule({ ...parts, isObserved: count(parts.status["observedGeneration"]) >= generation });
}

function deployment({ spec, status, isObserved }: Parts): WorkloadFacts {
  const desired = count(spec["replicas"], 1);
  const available = count(status["availableReplicas"]);
  const stuck = conditionOf(status, "Progressing", "False");
  return {
    ...{ isObserved, desired, available, upToDate: count(status["updatedReplicas"]) },
    // KubeEdge's rule.
    isAvailable: count(status["readyReplicas"]) === desired,
    isServing: available >= desired || conditionOf(status, "Available", "True") !== undefined,
    ...(stuck && { message: stuck }),
  };
}

function statefulSet({ spec, status, isObserved }: Parts): WorkloadFacts {
  const desired = count(spec["replicas"], 1);
  const available = count(status["availableReplicas"]);
  const partition = count(fields(fields(spec["updateStrategy"])["rollingUpdate"])["partition"]);
  return {
    ...{ isObserved, desired, available },
    // Pods below the partition keep the old template: they are as they should be.
    upToDate: Math.min(desired, count(status["updatedReplicas"]) + Math.min(partition, desired)),
    isAvailable: isObserved && count(status["readyReplicas"]) === desired,
    isServing: available >= desired,
  };
}

function daemonSet({ spec, status, isObserved }: Parts): WorkloadFacts {
  const desired = count(status["desiredNumberScheduled"]);
  const available = count(status["numberAvailable"]);
  return {
    ...{ isObserved, desired, available, upToDate: count(status["updatedNumberScheduled"]) },
    ...{ misplaced: count(status["numberMisscheduled"]), countsAway: toleratesAway(spec) },
    isAvailable: isObserved && count(status["numberReady"]) >= desired,
    isServing: isObserved && available >= desired,
  };
}

const AWAY_TAINT = "node.kubernetes.io/unreachable";

/** What is away has this taint with NoSchedule; every DaemonSet's pods tolerate the one with NoExecute. */
function toleratesAway(spec: Fields): boolean {
  const { tolerations } = fields(fields(spec["template"])["spec"]);
  return (Array.isArray(tolerations) ? tolerations : []).map(fields).some(({ key, operator, effect }) => {
    const isOfKey = operator === "Exists" && (text(key) === "" || key === AWAY_TAINT);
    return isOfKey && (text(effect) === "" || effect === "NoSchedule");
  });
}

function replicaSet({ spec, status, isObserved }: Parts): WorkloadFacts {
  const desired = count(spec["replicas"], 1);
  const available = count(status["availableReplicas"]);
  return {
    ...{ isObserved, desired, available, upToDate: Math.min(desired, count(status["replicas"])) },
    isAvailable: isObserved && count(status["readyReplicas"]) === desired,
    isServing: available >= desired,
  };
}

/** A Job is available when it is done. Its template cannot change. */
function job({ spec, status }: Parts): WorkloadFacts {
  const desired = count(spec["completions"], count(spec["parallelism"], 1));
  const isDone = conditionOf(status, "Complete", "True") !== undefined;
  const failed = conditionOf(status, "Failed", "True");
  const available = isDone ? desired : Math.min(desired, count(status["succeeded"]));
  return {
    ...{ isObserved: true, desired, available, upToDate: desired, isAvailable: isDone },
    isServing: failed === undefined,
    ...(failed !== undefined && { message: `it failed: ${failed}` }),
  };
}

/** One that has succeeded is as good as one that is ready. */
function pod({ status }: Parts): WorkloadFacts {
  const phase = status["phase"];
  const isGood = phase === "Succeeded" || conditionOf(status, "Ready", "True") !== undefined;
  return {
    ...{ isObserved: true, desired: 1, upToDate: 1, available: isGood ? 1 : 0 },
    ...{ isAvailable: isGood, isServing: isGood },
    ...(phase === "Failed" && { message: `it failed: ${text(status["message"]) || text(status["reason"])}` }),
  };
}

/** @returns message of the condition if it has this status, undefined otherwise */
function conditionOf(status: Fields, type: string, wanted: "True" | "False"): string | undefined {
  const list = Array.isArray(status["conditions"]) ? (status["conditions"] as unknown[]) : [];
  const found = list.map(fields).find((each) => each["type"] === type && each["status"] === wanted);
  return found && (text(found["message"]) || text(found["reason"]));
}

const count = (value: unknown, otherwise = 0): number => (typeof value === "number" ? value : otherwise);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
