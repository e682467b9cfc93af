// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { factsOf, type WorkloadFacts } from "../../../src/edge-application/apply/facts.ts";

interface Row {
  readonly when: string;
  readonly kind: string;
  readonly spec?: object;
  readonly status?: object;
  readonly want: Partial<WorkloadFacts>;
}

const seen = { observedGeneration: 3 };
const condition = (type: string, status: string, message = "why") => ({
  conditions: [{ type, status, message }],
});

describe("how a workload stands", () => {
  it.each<Row>([
    {
      ...{ when: "it is new", kind: "apps/Deployment", spec: { replicas: 2 } },
      want: {
        isObserved: false,
        desired: 2,
        upToDate: 0,
        available: 0,
        isAvailable: false,
        isServing: false,
      },
    },
    {
      ...{ when: "it wants nothing", kind: "apps/Deployment", spec: { replicas: 0 }, status: seen },
      want: { isObserved: true, desired: 0, isAvailable: true, isServing: true },
    },
    {
      ...{ when: "replicas are the default", kind: "apps/Deployment", status: { ...seen, readyReplicas: 1 } },
      want: { desired: 1, isAvailable: true },
    },
    {
      ...{ when: "one of three is down", kind: "apps/Deployment", spec: { replicas: 3 } },
      status: {
        ...{ ...seen, readyReplicas: 2, availableReplicas: 2, updatedReplicas: 3 },
        ...condition("Available", "True"),
      },
      want: { upToDate: 3, available: 2, isAvailable: false, isServing: true },
    },
    {
      ...{
        when: "it is stuck",
        kind: "apps/Deployment",
        status: condition("Progressing", "False", "deadline exceeded"),
      },
      want: { message: "deadline exceeded" },
    },
    {
      ...{ when: "a partition keeps two of five", kind: "apps/StatefulSet" },
      spec: { replicas: 5, updateStrategy: { rollingUpdate: { partition: 2 } } },
      status: { ...seen, updatedReplicas: 3, readyReplicas: 5, availableReplicas: 5 },
      want: { upToDate: 5, isAvailable: true, isServing: true },
    },
    {
      ...{ when: "its status is of an older spec", kind: "apps/StatefulSet", spec: { replicas: 1 } },
      status: { observedGeneration: 2, readyReplicas: 1, availableReplicas: 1 },
      want: { isObserved: false, isAvailable: false },
    },
    {
      ...{ when: "a node's pod is away", kind: "apps/DaemonSet" },
      status: {
        ...seen,
        desiredNumberScheduled: 3,
        numberReady: 2,
        numberAvailable: 2,
        updatedNumberScheduled: 3,
      },
      want: { desired: 3, available: 2, upToDate: 3, isAvailable: false, isServing: false },
    },
    {
      ...{ when: "a node that is away keeps its pod", kind: "apps/DaemonSet" },
      status: { ...seen, desiredNumberScheduled: 2, numberMisscheduled: 1 },
      want: { desired: 2, misplaced: 1, countsAway: false },
    },
    {
      ...{ when: "no node fits", kind: "apps/DaemonSet", status: { ...seen, desiredNumberScheduled: 0 } },
      want: { desired: 0, isAvailable: true, isServing: true },
    },
    {
      ...{ when: "nobody looked at it yet", kind: "apps/DaemonSet" },
      want: { isObserved: false, isAvailable: false, isServing: false },
    },
    {
      ...{ when: "all its pods are there", kind: "apps/ReplicaSet", spec: { replicas: 2 } },
      status: { ...seen, replicas: 2, readyReplicas: 2, availableReplicas: 2 },
      want: { desired: 2, upToDate: 2, available: 2, isAvailable: true },
    },
    {
      ...{
        when: "it runs",
        kind: "batch/Job",
        spec: { completions: 3, parallelism: 1 },
        status: { succeeded: 1 },
      },
      want: { isObserved: true, desired: 3, available: 1, isAvailable: false, isServing: true },
    },
    {
      ...{
        when: "it is done",
        kind: "batch/Job",
        spec: { parallelism: 2 },
        status: condition("Complete", "True"),
      },
      want: { desired: 2, available: 2, isAvailable: true },
    },
    {
      ...{ when: "it failed", kind: "batch/Job", status: condition("Failed", "True", "backoff limit") },
      want: { isAvailable: false, isServing: false, message: "it failed: backoff limit" },
    },
    {
      when: "it is ready",
      kind: "/Pod",
      status: condition("Ready", "True"),
      want: { available: 1, isAvailable: true },
    },
    { when: "it is done", kind: "/Pod", status: { phase: "Succeeded" }, want: { isAvailable: true } },
    {
      ...{ when: "it failed", kind: "/Pod", status: { phase: "Failed", reason: "Evicted" } },
      want: { desired: 1, available: 0, isAvailable: false, message: "it failed: Evicted" },
    },
    {
      when: "its status is nonsense",
      kind: "/Pod",
      status: { conditions: "x" },
      want: { isAvailable: false },
    },
  ])("$kind when $when", ({ kind, spec = {}, status = {}, want }) => {
    const [group = "", name = ""] = kind.split("/");
    expect(factsOf(group, name, { metadata: { generation: 3 }, spec, status })).toMatchObject(want);
  });

  it.each([
    { tolerations: [{ operator: "Exists" }], countsAway: true },
    { tolerations: [{ operator: "Exists", effect: "NoSchedule" }], countsAway: true },
    { tolerations: [{ key: "node.kubernetes.io/unreachable", operator: "Exists" }], countsAway: true },
    {
      tolerations: [{ key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" }],
      countsAway: false,
    },
    { tolerations: [{ key: "gpu", operator: "Exists" }, "x"], countsAway: false },
    { tolerations: "x", countsAway: false },
  ])("a DaemonSet that tolerates $tolerations counts nodes that are away: $countsAway", (o) => {
    const spec = { template: { spec: { tolerations: o.tolerations } } };
    expect(factsOf("apps", "DaemonSet", { metadata: {}, spec, status: {} })).toMatchObject({
      countsAway: o.countsAway,
    });
  });

  it.each(["/Service", "batch/CronJob", "example.com/Deployment"])(
    "%s has no pods that are counted",
    (kind) => {
      const [group = "", name = ""] = kind.split("/");
      expect(factsOf(group, name, {})).toBeUndefined();
    },
  );
});
