// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { JobKind } from "@longshore/crds/tasks";
import type { JobStatus } from "../../../src/node-job/index.ts";
import { eventually } from "../../runtime/eventually.ts";
import { failedAt, JOBS, startJobBench, wellDone, type JobBench } from "./bench.ts";
import { names, prePull, running, upgrade } from "./specs.ts";

let bench: JobBench;
beforeAll(async () => {
  bench = await startJobBench();
}, 120_000);
afterEach(() => bench.reset());
afterAll(() => bench.close());

const FAST = { statusWritesPerSecond: 20 };
const phaseOf = async (kind: JobKind, name: string): Promise<string | undefined> =>
  (await bench.get(kind, name)).status?.phase;
const toBe = (kind: JobKind, name: string, phase: JobStatus["phase"]): Promise<void> =>
  eventually(async () => expect(await phaseOf(kind, name)).toBe(phase));
const puts = (orders: readonly string[]): string[] =>
  orders.filter((order) => order.includes(" put ")).sort();
const taskOf = async (kind: JobKind, name: string, node: string) =>
  (await bench.get(kind, name)).status?.nodeStatus?.find(({ nodeName }) => nodeName === node);

describe("a fleet job", () => {
  it("A26 brings ten nodes through their steps, never more than two at a time, and clears up", async () => {
    const nodes = names(10);
    await bench.addNodes(nodes);
    bench.start(FAST);
    const versions = { more: { fromVersion: "v1.23.0", toVersion: "v1.23.1" } };
    const orders = await bench.edges(nodes, () => ({ ...wellDone("NodeUpgradeJob"), ...versions }));
    const history = await bench.history("NodeUpgradeJob", "up");
    await bench.create("NodeUpgradeJob", "up", upgrade(nodes));
    await toBe("NodeUpgradeJob", "up", "Completed");
    await eventually(async () => expect(await bench.reports()).toBe(0));
    history.end();
    expect(Math.max(...history.seen.map(running))).toBe(2);
    expect(history.seen[0]).toMatchObject({ phase: "Init", summary: { total: 10, pending: 10 } });
    expect(puts(orders)).toEqual(nodes.map((node) => `${node} put nodeupgradejob/up`));
    const { status } = await bench.get("NodeUpgradeJob", "up");
    expect(status).toMatchObject({ summary: { total: 10, done: 10, failed: 0 }, currentVersion: "v1.23.1" });
    const flow = ["Check", "WaitingConfirmation", "BackUp", "Upgrade"];
    for (const task of status?.nodeStatus ?? []) {
      expect(task).toMatchObject({ historicVersion: "v1.23.0", currentVersion: "v1.23.1" });
      expect(task.actionFlow?.map(({ action, status: said }) => `${action} ${said}`)).toEqual(
        flow.map((step) => `${step} True`),
      );
    }
  });

  it.each([
    { failing: 3, phase: "Completed", reason: undefined },
    {
      failing: 4,
      phase: "Failure",
      reason: "the number of failed nodes is 4/10, which exceeds the failure tolerance threshold",
    },
  ] as const)("A27 ends as $phase when $failing of ten nodes fail, and begins none after", async (given) => {
    const nodes = names(10);
    await bench.addNodes(nodes);
    bench.start(FAST);
    const bad = new Set(nodes.slice(0, given.failing));
    const orders = await bench.edges(nodes, (_, node) =>
      bad.has(node) ? failedAt("Check", "disk is full") : wellDone("NodeUpgradeJob"),
    );
    const history = await bench.history("NodeUpgradeJob", "up");
    await bench.create("NodeUpgradeJob", "up", upgrade(nodes));
    await toBe("NodeUpgradeJob", "up", given.phase);
    const { status } = await bench.get("NodeUpgradeJob", "up");
    expect(status?.reason).toBe(given.reason);
    const isOver = ({ phase, summary }: JobStatus): boolean => phase === given.phase || summary?.failed === 4;
    await eventually(() => expect(history.seen.some(isOver)).toBe(true));
    history.end();
    const begun = (history.seen.find(isOver)?.nodeStatus ?? []).filter(({ phase }) => phase !== "Pending");
    expect(puts(orders)).toEqual(begun.map(({ nodeName }) => `${nodeName} put nodeupgradejob/up`).sort());
    if (given.phase === "Completed") expect(begun).toHaveLength(10);
    else expect(begun.length).toBeLessThan(10);
  });

  it("A32 leaves an offline node Pending, also over a restart, and has it run once when it is back", async () => {
    await bench.addNodes(["edge-0"]);
    await bench.addNodes(["late"], { ready: "Unknown" });
    const first = bench.start(FAST);
    const orders = await bench.edges(["edge-0"], () => wellDone("ImagePrePullJob"));
    await bench.create("ImagePrePullJob", "pull", prePull(["late", "edge-0"]));
    await eventually(async () =>
      expect(await bench.tasks("ImagePrePullJob", "pull")).toEqual({
        late: "Pending",
        "edge-0": "Successful",
      }),
    );
    expect((await bench.get("ImagePrePullJob", "pull")).status?.summary).toMatchObject({ offline: 1 });
    await first.kill();
    bench.start(FAST);
    await bench.connect("late");
    await bench.setReady("late", "True");
    await toBe("ImagePrePullJob", "pull", "Completed");
    expect(puts(orders)).toEqual(["edge-0 put imageprepulljob/pull", "late put imageprepulljob/pull"]);
  });

  it("begins with a node that is connected although it is not Ready: the job may be what mends it", async () => {
    await bench.addNodes(["sick"], { ready: "Unknown" });
    bench.start(FAST);
    await bench.edges(["sick"], () => wellDone("NodeUpgradeJob"));
    await bench.create("NodeUpgradeJob", "up", upgrade(["sick"]));
    await toBe("NodeUpgradeJob", "up", "Completed");
  });

  it("takes a task back whose order never reached its node, and gives up one whose order did", async () => {
    await bench.addNodes(["away", "silent"]);
    await bench.serve();
    await bench.connect("away");
    await bench.connect("silent");
    await bench.disconnect("away");
    const history = await bench.history("NodeUpgradeJob", "up");
    const away = ({ nodeStatus = [] }: JobStatus): string[] =>
      nodeStatus
        .filter(({ nodeName }) => nodeName === "away")
        .map(({ phase, reason = "" }) => (reason.includes("not reached") ? `${phase}, taken back` : phase));
    bench.start(FAST);
    // Long enough for the order to be there in time on a busy machine.
    await bench.create("NodeUpgradeJob", "up", upgrade(["away", "silent"], { timeoutSeconds: 6 }));
    await eventually(async () => expect(await bench.deliver("silent")).toEqual(["put nodeupgradejob/up"]));
    await eventually(async () =>
      expect(await taskOf("NodeUpgradeJob", "up", "silent")).toMatchObject({
        phase: "Unknown",
        reason: "The node task has timed out",
      }),
    );
    await eventually(() => expect(history.seen.flatMap(away)).toContain("Pending, taken back"));
    history.end();
    expect(history.seen.flatMap(away)).not.toContain("Unknown");
  });

  it("withdraws what was not delivered when it is deleted, and drops what was told, in spite of a finalizer of KubeEdge", async () => {
    await bench.addNodes(["edge-0"]);
    await bench.connect("edge-0");
    bench.start(FAST);
    const resource = JOBS.ConfigUpdateJob;
    await bench.create("ConfigUpdateJob", "conf", {
      ...{ nodeNames: ["edge-0"], updateFields: { "modules.edgeStream.enable": "true" } },
    });
    const finalizers = ["kubeedge.io/configupdatejob-controller"];
    await bench.client.patch(
      resource,
      { name: "conf" },
      { type: "merge", body: { metadata: { finalizers } } },
    );
    await eventually(async () => expect(await bench.wanted("edge-0")).toEqual(["put configupdatejob/conf"]));
    await bench.report(await bench.get("ConfigUpdateJob", "conf"), "edge-0", { actions: [["Check", true]] });
    await bench.client.delete(resource, { name: "conf" });
    await eventually(async () => expect(await bench.wanted("edge-0")).toEqual(["del configupdatejob/conf"]));
    await eventually(async () => expect((await bench.client.list(resource)).items).toEqual([]));
    await eventually(async () => expect(await bench.reports()).toBe(0));
  });

  it("is carried out when it was made in v1alpha1, and keeps its status when that writes it", async () => {
    await bench.addNodes(["edge-0", "edge-1"]);
    bench.start(FAST);
    await bench.edges(["edge-0", "edge-1"], ({ status }, node) =>
      node === "edge-0" || status?.summary?.done === 1 ? wellDone("NodeUpgradeJob") : undefined,
    );
    const spec = upgrade(["edge-0", "edge-1"], { concurrency: 1 });
    await bench.create("NodeUpgradeJob", "up", { ...spec, imageDigestGatter: { value: "" } }, "v1alpha1");
    await eventually(async () =>
      expect((await taskOf("NodeUpgradeJob", "up", "edge-0"))?.phase).toBe("Successful"),
    );
    const old = { ...JOBS.NodeUpgradeJob, version: "v1alpha1" };
    await bench.client.patch(
      old,
      { name: "up" },
      { type: "merge", body: { metadata: { labels: { a: "b" } } } },
    );
    await toBe("NodeUpgradeJob", "up", "Completed");
    expect((await bench.get("NodeUpgradeJob", "up")).status).toMatchObject({
      state: "Successful",
      summary: { done: 2, pending: 0, offline: 0 },
    });
  });

  it("drives an edge of KubeEdge 1.20 state by state, each ordered once", async () => {
    await bench.addNodes(["old"], { version: "v1.20.0" });
    bench.start(FAST);
    await bench.connect("old");
    const job = await bench.create("ImagePrePullJob", "pull", prePull(["old"]));
    const events: Record<string, string> = { Init: "Init", Checking: "Check", Pulling: "Pull" };
    const states: string[] = [];
    await eventually(async () => {
      for (const order of await bench.deliver("old")) {
        if (!order.startsWith("put")) continue;
        expect(order).toBe("put prepull/pull");
        const state = (await taskOf("ImagePrePullJob", "pull", "old"))?.state ?? "";
        states.push(state);
        const more = { event: events[state] ?? "", action: "Success", state };
        await bench.report(job, "old", { actions: [], more }, 0);
      }
      expect(await phaseOf("ImagePrePullJob", "pull")).toBe("Completed");
    });
    expect(states).toEqual(["Init", "Checking", "Pulling"].filter((state) => states.includes(state)));
    expect(states.at(-1)).toBe("Pulling");
  });

  it("leaves what KubeEdge ended alone, and goes on with what it had begun", async () => {
    await bench.addNodes(["edge-0", "edge-1"]);
    const theirs = { NodeUpgradeJob: ["done", "begun"] } as const;
    for (const name of theirs.NodeUpgradeJob)
      await bench.create("NodeUpgradeJob", name, upgrade(["edge-0", "edge-1"]));
    await bench.writeStatus("NodeUpgradeJob", "done", {
      phase: "Failure",
      nodeStatus: [{ nodeName: "edge-0", phase: "Failure" }],
    });
    await bench.writeStatus("NodeUpgradeJob", "begun", {
      phase: "InProgress",
      nodeStatus: [
        { nodeName: "edge-0", phase: "InProgress" },
        { nodeName: "edge-1", phase: "Pending" },
      ],
    });
    const before = await bench.get("NodeUpgradeJob", "done");
    bench.start(FAST);
    const orders = await bench.edges(["edge-0", "edge-1"], () => wellDone("NodeUpgradeJob"));
    await eventually(async () =>
      expect((await taskOf("NodeUpgradeJob", "begun", "edge-1"))?.phase).toBe("Successful"),
    );
    // KubeEdge gave edge-0 its order, which tells how it went.
    await bench.report(await bench.get("NodeUpgradeJob", "begun"), "edge-0", wellDone("NodeUpgradeJob"), 0);
    await toBe("NodeUpgradeJob", "begun", "Completed");
    expect(puts(orders)).toEqual(["edge-1 put nodeupgradejob/begun"]);
    expect(await bench.get("NodeUpgradeJob", "done")).toEqual(before);
  });

  it("E10 does not run on a node that is late and that a later upgrade is for", async () => {
    await bench.addNodes(["edge-0"]);
    await bench.addNodes(["late"], { ready: "Unknown" });
    bench.start(FAST);
    const orders = await bench.edges(["edge-0"], () => wellDone("NodeUpgradeJob"));
    await bench.create("NodeUpgradeJob", "first", upgrade(["edge-0", "late"]));
    await eventually(async () =>
      expect((await taskOf("NodeUpgradeJob", "first", "edge-0"))?.phase).toBe("Successful"),
    );
    await bench.create("NodeUpgradeJob", "second", upgrade(["late"], { version: "v1.23.2" }));
    await toBe("NodeUpgradeJob", "first", "Completed");
    expect(await taskOf("NodeUpgradeJob", "first", "late")).toMatchObject({ supersededBy: "second" });
    await bench.connect("late");
    await toBe("NodeUpgradeJob", "second", "Completed");
    expect(puts(orders)).toEqual(["edge-0 put nodeupgradejob/first", "late put nodeupgradejob/second"]);
  });

  it("begins no change of configuration where an upgrade is at work, but at once when that is over", async () => {
    await bench.addNodes(["edge-0", "edge-1"]);
    bench.start(FAST);
    await bench.create("NodeUpgradeJob", "up", upgrade(["edge-0"], { requireConfirmation: true }));
    await toBe("NodeUpgradeJob", "up", "InProgress");
    await bench.create("ConfigUpdateJob", "conf", {
      ...{ nodeNames: ["edge-0", "edge-1"], concurrency: 2 },
      updateFields: { "modules.edgeStream.enable": "true" },
    });
    const toHave = (first: string): Promise<void> =>
      eventually(async () =>
        expect(await bench.tasks("ConfigUpdateJob", "conf")).toEqual({
          "edge-0": first,
          "edge-1": "InProgress",
        }),
      );
    await toHave("Pending");
    await bench.report(await bench.get("NodeUpgradeJob", "up"), "edge-0", wellDone("NodeUpgradeJob"));
    await toHave("InProgress");
  });

  it("keeps what a node tells that was given up, after the end of the job", async () => {
    await bench.addNodes(["edge-0"]);
    bench.start(FAST);
    await bench.edges(["edge-0"], () => undefined);
    await bench.create("ImagePrePullJob", "pull", prePull(["edge-0"], { timeoutSeconds: 1 }));
    await toBe("ImagePrePullJob", "pull", "Failure");
    const job = await bench.get("ImagePrePullJob", "pull");
    expect(job.status?.nodeStatus?.[0]?.phase).toBe("Unknown");
    await bench.report(job, "edge-0", wellDone("ImagePrePullJob"));
    await eventually(async () => expect(await bench.reports()).toBe(0));
    expect((await bench.get("ImagePrePullJob", "pull")).status).toMatchObject({
      ...{ phase: "Failure", summary: { done: 1, failed: 0 } },
      nodeStatus: [{ phase: "Successful" }],
    });
  });

  it("lets nodes that failed try again under another number, when that is asked for after its end", async () => {
    await bench.addNodes(["edge-0", "edge-1"]);
    bench.start(FAST);
    const attempts: string[] = [];
    const orders = await bench.edges(["edge-0", "edge-1"], ({ metadata }, node) => {
      const attempt = metadata.annotations?.["longshore.io/attempt"] ?? "1";
      attempts.push(`${node} ${attempt}`);
      if (node === "edge-0" || attempt === "2")
        return { ...wellDone("ImagePrePullJob"), attempt: Number(attempt) };
      return failedAt("Pull", "no such image");
    });
    await bench.create("ImagePrePullJob", "pull", prePull(["edge-0", "edge-1"]));
    await toBe("ImagePrePullJob", "pull", "Failure");
    await eventually(async () => expect(await bench.reports()).toBe(0));
    await bench.client.patch(
      JOBS.ImagePrePullJob,
      { name: "pull" },
      { type: "merge", body: { metadata: { annotations: { "longshore.io/attempt": "2" } } } },
    );
    await toBe("ImagePrePullJob", "pull", "Completed");
    expect(attempts.sort()).toEqual(["edge-0 1", "edge-1 1", "edge-1 2"]);
    expect(puts(orders)).toHaveLength(3);
  });
});
