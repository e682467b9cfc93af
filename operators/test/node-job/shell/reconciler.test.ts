// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { imagePrePullJob } from "../../../src/image-prepull-job/index.ts";
import type { JobStatus, NodeFact, TaskReport } from "../../../src/node-job/index.ts";
import { createJobMetrics } from "../../../src/node-job/shell/metrics.ts";
import { createJobReconciler, type ReconcilerDeps } from "../../../src/node-job/shell/reconciler.ts";
import { createTrim, type StoredJob } from "../../../src/node-job/shell/stored-job.ts";
import { ApiError, silentLog, type Result } from "../../../src/runtime/index.ts";
import { createFakeClock } from "../../runtime/fake-clock.ts";
import { names, prePull } from "./specs.ts";

const trim = createTrim(imagePrePullJob);
const context = { signal: new AbortController().signal, log: silentLog };
const factOf = (name: string): NodeFact => ({
  ...{ name, isEdge: true, isReady: true, labels: {}, edgeVersion: "v1.23.0" },
});

/** A job beside a reconciler, whose cache shows what was written when the test says so. */
function bench(nodes: number, spec: object = {}) {
  const clock = createFakeClock(1_700_000_000_000);
  const object = {
    metadata: { name: "pull", uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: prePull(names(nodes), spec),
  };
  let version = 1;
  let stored: { status?: JobStatus } = {};
  let cached: StoredJob = trim(object);
  const [writes, reports, dropped]: [JobStatus[], TaskReport[], string[]] = [[], [], []];
  const [unknown, ghosts, asked] = [new Set<string>(), new Set<string>(), [] as string[]];
  const registry = new Registry();
  const inStore = () => ({
    ...object,
    metadata: { ...object.metadata, resourceVersion: String(version) },
    ...stored,
  });
  const deps: ReconcilerDeps = {
    ...{ adapter: imagePrePullJob, clock, statusWritesPerSecond: 1 },
    client: {
      get: <T>({ kind }: { kind: string }, { name }: { name: string }): Promise<T> => {
        if (kind !== "Node") return Promise.resolve(inStore() as T);
        asked.push(name);
        if (ghosts.has(name))
          return Promise.reject(new ApiError({ code: 404, reason: "NotFound", message: "" }));
        return Promise.resolve({} as T);
      },
      patch: () => Promise.reject(new Error("not asked for")),
      update: <T>(_: unknown, body: object): Promise<T> => {
        const { metadata, status } = body as { metadata: { resourceVersion: string }; status: JobStatus };
        const isStale = metadata.resourceVersion !== String(version);
        if (isStale) return Promise.reject(new ApiError({ code: 409, reason: "Conflict", message: "" }));
        stored = { status };
        version++;
        writes.push(status);
        return Promise.resolve({} as T);
      },
      deleteCollection: (_, { labelSelector }) => {
        dropped.push(labelSelector);
        reports.length = 0;
        return Promise.resolve();
      },
    },
    recorder: { event: () => undefined },
    metrics: createJobMetrics(registry, [{ kind: "ImagePrePullJob", list: () => [cached] }]),
    jobs: { get: () => cached },
    reports: {
      informer: {} as ReconcilerDeps["reports"]["informer"],
      ofJob: () => reports,
      count: () => reports.length,
      uidsOf: () => new Set(["u"]),
    },
    nodes: {
      get: (name) => (unknown.has(name) || ghosts.has(name) ? undefined : factOf(name)),
      matching: () => [],
    },
    rivals: { of: () => Promise.resolve([]), mindedBy: () => [] },
    outbox: { standing: () => Promise.resolve({ isConnected: true, isEstablished: true, objects: [] }) },
    recall: () => Promise.resolve(),
    shape: (status) => status,
  };
  const reconcile = createJobReconciler(deps);
  return {
    ...{ clock, writes, reports, dropped, registry, unknown, ghosts, asked },
    turn: (): Promise<Result> => reconcile({ namespace: "", name: "pull" }, context),
    /** The watch has brought what is stored. */
    catchUp(): void {
      cached = trim(inStore());
    },
    /** As somebody else's controller does. */
    put(status: object): void {
      stored = { status: status as JobStatus };
      version++;
    },
    /** Somebody else writes the job. */
    touch: () => version++,
    tell(node: string, isWell = true): void {
      const actions = ["Check", "Pull"].map(
        (action) => ({ action, status: isWell ? "True" : "False" }) as const,
      );
      reports.push({ nodeName: node, attempt: 1, actions: isWell ? actions : actions.slice(0, 1) });
    },
    phases: (): string[] => (stored.status?.nodeStatus ?? []).map(({ phase }) => phase),
  };
}

describe("writing the status of a job", () => {
  it("accepts it and begins its nodes without a pause, then at most once a second", async () => {
    const b = bench(3, { concurrency: 1 });
    await b.turn();
    expect(b.writes.at(-1)).toMatchObject({ phase: "Init" });
    b.catchUp();
    await b.turn();
    expect(b.phases()).toEqual(["InProgress", "Pending", "Pending"]);
    b.catchUp();
    b.tell("edge-0");
    expect(await b.turn()).toEqual({ requeueAfterMs: 1000 });
    b.clock.advance(1000);
    await b.turn();
    expect(b.phases()).toEqual(["Successful", "InProgress", "Pending"]);
    expect(b.writes).toHaveLength(3);
  });

  it("accepts it only when the watch has brought every Node that it names and that there is", async () => {
    const b = bench(3);
    b.ghosts.add("edge-0");
    b.unknown.add("edge-1");
    expect(await b.turn()).toEqual({ requeueAfterMs: 2_000 });
    expect(b.writes).toEqual([]);
    b.unknown.clear();
    await b.turn();
    expect(b.phases()).toEqual(["Failure", "Pending", "Pending"]);
    b.catchUp();
    await b.turn();
    expect(b.asked).toEqual(["edge-0", "edge-1", "edge-0"]);
  });

  it("goes on at once with what comes when it has rested", async () => {
    const b = bench(2, { concurrency: 1 });
    await b.turn();
    b.catchUp();
    await b.turn();
    b.catchUp();
    b.clock.advance(60_000);
    b.tell("edge-0");
    await b.turn();
    expect(b.phases()).toEqual(["Successful", "InProgress"]);
  });

  it("is slower the more nodes there are", async () => {
    const b = bench(5000);
    await b.turn();
    b.catchUp();
    await b.turn();
    b.catchUp();
    expect(await b.turn()).toEqual({ requeueAfterMs: 5000 });
  });

  it("never decides twice from the same status", async () => {
    const b = bench(2);
    await b.turn();
    await b.turn();
    await b.turn();
    expect(b.writes).toHaveLength(1);
  });

  it("looks again soon when somebody else was faster, and writes nothing then", async () => {
    const b = bench(2);
    b.touch();
    expect(await b.turn()).toEqual({ requeueAfterMs: 100 });
    expect(b.writes).toEqual([]);
    b.catchUp();
    await b.turn();
    expect(b.writes).toHaveLength(1);
  });

  it("drops what was told when the end is stored, not before", async () => {
    const b = bench(1);
    await b.turn();
    b.catchUp();
    await b.turn();
    b.catchUp();
    b.clock.advance(5000);
    b.tell("edge-0");
    await b.turn();
    expect([b.writes.at(-1)?.phase, b.dropped]).toEqual(["Completed", []]);
    b.catchUp();
    b.clock.advance(1000);
    await b.turn();
    expect(b.dropped).toEqual(["longshore.io/job-uid=u"]);
  });

  it("keeps what a node tells that was given up, after the end of the job", async () => {
    const b = bench(1, { timeoutSeconds: 60, failureTolerate: "1" });
    await b.turn();
    b.catchUp();
    await b.turn();
    b.catchUp();
    b.clock.advance(60_000);
    await b.turn();
    expect([b.phases(), b.writes.at(-1)?.phase]).toEqual([["Unknown"], "Completed"]);
    b.catchUp();
    await b.turn();
    b.clock.advance(3_600_000);
    b.tell("edge-0");
    await b.turn();
    expect([b.phases(), b.dropped]).toEqual([["Successful"], []]);
    expect(b.writes.at(-1)).toMatchObject({ phase: "Completed", summary: { done: 1, failed: 0 } });
    b.catchUp();
    b.clock.advance(1000);
    await b.turn();
    expect([b.writes.length, b.dropped]).toEqual([4, ["longshore.io/job-uid=u"]]);
  });

  it("writes nothing of what is told of a job that KubeEdge ended", async () => {
    const b = bench(1);
    b.put({ phase: "Failure", nodeStatus: [{ nodeName: "edge-0", phase: "Unknown" }] });
    b.catchUp();
    b.tell("edge-0");
    await b.turn();
    expect([b.writes, b.dropped]).toEqual([[], ["longshore.io/job-uid=u"]]);
  });

  it("counts tasks that began and ended", async () => {
    const b = bench(2);
    await b.turn();
    b.catchUp();
    await b.turn();
    b.catchUp();
    b.clock.advance(5000);
    b.tell("edge-0");
    b.tell("edge-1", false);
    await b.turn();
    const text = await b.registry.metrics();
    expect(text).toContain('longshore_job_task_starts_total{kind="ImagePrePullJob"} 2');
    for (const outcome of ["Successful", "Failure"])
      expect(text).toContain(`longshore_job_task_ends_total{kind="ImagePrePullJob",outcome="${outcome}"} 1`);
  });
});
