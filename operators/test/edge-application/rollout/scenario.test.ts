// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { EdgeApplicationSpec } from "@longshore/crds/apps";
import { Cluster, KEY, manifest, version } from "./cluster.ts";

const names = (group: string, count = 10): string[] =>
  Array.from({ length: count }, (_, index) => `${group}-${String(index + 1).padStart(2, "0")}`);
const check = { name: "errors", query: "error_rate", operator: "<" as const, threshold: "0.01" };
const north = names("north");
const south = names("south");
const east = names("east");

function cdn(rollout: EdgeApplicationSpec["rollout"] = {}): Cluster {
  const cluster = new Cluster({
    workloadScope: { targetNodeGroups: [{ name: "north" }, { name: "south" }, { name: "east" }] },
    workloadTemplate: { manifests: [manifest("v1")] },
    rollout: {
      maxUnavailable: 2,
      batches: ["north", "south", "east"].map((name) => ({ name: `wave-${name}`, targets: [name] })),
      checks: [check],
      checkPolicy: { initialDelaySeconds: 2, intervalSeconds: 1, successes: 2 },
      ...rollout,
    },
  });
  cluster.addNodes("north", north);
  cluster.addNodes("south", south);
  cluster.addNodes("east", east);
  return cluster;
}
const withRollout = (cluster: Cluster, more: EdgeApplicationSpec["rollout"]): void =>
  cluster.edit((spec) => ({ ...spec, rollout: { ...spec.rollout, ...more } }));
const withImage = (cluster: Cluster, tag: string): void =>
  cluster.edit((spec) => ({ ...spec, workloadTemplate: { manifests: [manifest(tag)] } }));
const isCompleted = (cluster: Cluster) => (): boolean => cluster.phase === "Completed";
const down = (cluster: Cluster): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const node of cluster.disturbed) {
    const group = node.split("-")[0] ?? "";
    counts[group] = (counts[group] ?? 0) + 1;
  }
  return counts;
};
const expectCap = (cluster: Cluster, cap: number) => (): void => {
  for (const count of Object.values(down(cluster))) expect(count).toBeLessThanOrEqual(cap);
};
const rolledOut = (cluster: Cluster) =>
  cluster.app.status?.conditions?.find(({ type }) => type === "RolledOut");

describe("a rollout over groups", () => {
  it("A38 deploys batch by batch also for the first time", async () => {
    const cluster = cdn();
    const order: string[] = [];
    await cluster.until(isCompleted(cluster), {
      each: () => {
        for (const node of Object.keys(cluster.images())) {
          const group = node.split("-")[0] ?? "";
          if (!order.includes(group)) order.push(group);
          if (group !== "north" && order.length === 2)
            expect(Object.keys(cluster.images()).length).toBeGreaterThanOrEqual(10);
        }
      },
    });
    expect(order).toEqual(["north", "south", "east"]);
    expect(new Set(Object.values(cluster.images()))).toEqual(new Set(["v1"]));
    expect(Object.keys(cluster.images())).toHaveLength(30);
    expect(cluster.pulls[0]).toMatchObject({ images: ["cache:v1"], nodes: north, batch: 0 });
    expect(rolledOut(cluster)).toMatchObject({ status: "True", reason: "Completed" });
  });

  it("A38 gives exactly the named hosts the second version, at most two of a group at a time", async () => {
    const cluster = cdn();
    await cluster.until(isCompleted(cluster));
    cluster.pulls.length = 0;
    const chosen = [...north.slice(0, 3), ...south.slice(0, 3)];
    withRollout(cluster, { versions: [version("v2", chosen, "v2")] });
    await cluster.until(isCompleted(cluster), { each: expectCap(cluster, 2) });
    const expected = [...north, ...south, ...east].map((name) => [name, chosen.includes(name) ? "v2" : "v1"]);
    expect(cluster.images()).toEqual(Object.fromEntries(expected.sort()));
    expect(cluster.moves.map(({ node }) => node)).toEqual(chosen);
    expect(cluster.pulls[0]).toEqual({ images: ["cache:v2"], nodes: north.slice(0, 3), batch: 0 });
  });

  it("A38 keeps to two of a group down when the template changes under two versions", async () => {
    const cluster = cdn({ versions: [version("v2", north.slice(0, 5), "v2")] });
    await cluster.until(isCompleted(cluster), { rounds: 400 });
    cluster.edit((spec) => ({
      ...spec,
      workloadTemplate: { manifests: [manifest("v3")] },
      rollout: { ...spec.rollout, versions: [version("v2", north.slice(0, 5), "v4")] },
    }));
    await cluster.until(isCompleted(cluster), { each: expectCap(cluster, 2), rounds: 400 });
    expect(cluster.images()).toMatchObject({
      "north-01": "v4",
      "north-05": "v4",
      "north-06": "v3",
      "east-01": "v3",
    });
  });

  it("A38 moves no more than two of a group that change places before DaemonSets count it", async () => {
    const [odd, even] = [0, 1].map((rest) => north.filter((_, index) => index % 2 === rest));
    const cluster = cdn({ versions: [version("v2", odd ?? [], "v2")] });
    await cluster.until(isCompleted(cluster), { rounds: 400 });
    withRollout(cluster, { versions: [version("v2", even ?? [], "v2")] });
    for (let turn = 0; turn < 20; turn += 1) {
      cluster.moves.length = 0;
      // Nodes and DaemonSets tell of something else, before their controller has seen the hosts.
      for (let round = 0; round < 4; round += 1) await cluster.reconcile();
      expect(cluster.moves.length).toBeLessThanOrEqual(2);
      cluster.tick();
      cluster.nowMs += 1000;
    }
    expect(cluster.images()).toMatchObject({ "north-01": "v1", "north-10": "v2" });
  });

  it.each([
    { what: "other images", versions: ["v2", "v3"] },
    { what: "no versions any more", versions: [] },
  ])("A38 lets hosts that were just moved start before it gives a group $what", async ({ versions }) => {
    const hosts: Readonly<Record<string, string[]>> = { v2: north.slice(0, 4), v3: north.slice(4, 5) };
    const cluster = cdn({ versions: [version("v2", north.slice(0, 3), "v2")] });
    await cluster.until(isCompleted(cluster));
    cluster.moves.length = 0;
    withRollout(cluster, {
      versions: Object.entries(hosts).map(([name, nodes]) => version(name, nodes, name)),
    });
    await cluster.until(() => cluster.moves.length === 2);
    cluster.isBroken = () => true;
    cluster.tick();
    cluster.tick();
    expect(down(cluster)).toEqual({ north: 2 });
    withRollout(cluster, { versions: versions.map((name) => version(name, hosts[name] ?? [], "v4")) });
    withImage(cluster, "v4");
    for (let round = 0; round < 10; round += 1) {
      cluster.nowMs += 1000;
      await cluster.reconcile();
      cluster.tick();
      expectCap(cluster, 2)();
    }
    cluster.isBroken = () => false;
    await cluster.until(isCompleted(cluster), { each: expectCap(cluster, 2) });
    expect(new Set(Object.values(cluster.images()))).toEqual(new Set(["v4"]));
  });

  it("A38 begins no third wave after a failed check, and takes the changed hosts back", async () => {
    const cluster = cdn();
    await cluster.until(isCompleted(cluster));
    const chosen = [...north.slice(0, 3), ...south.slice(0, 3), ...east.slice(0, 3)];
    cluster.measure = () => ({ value: cluster.app.status?.rollout?.batch === 2 ? 0.5 : 0 });
    withRollout(cluster, { versions: [version("v2", chosen, "v2")] });
    await cluster.until(() => cluster.phase === "RolledBack", { each: expectCap(cluster, 2) });
    expect(new Set(Object.values(cluster.images()))).toEqual(new Set(["v1"]));
    expect([...cluster.nodes.values()].filter(({ labels }) => KEY in labels)).toEqual([]);
    expect(cluster.moves.filter(({ node }) => node.startsWith("east"))).toEqual([]);
    expect(rolledOut(cluster)).toMatchObject({
      ...{ status: "False", reason: "CheckFailed" },
      message: expect.stringMatching(
        /Batch 2 of 3 \(wave-south\): check errors: measured 0.5, wanted < 0.01/,
      ),
    });
    // It is not tried again, and the children of the version are gone.
    await cluster.reconcile();
    expect(cluster.phase).toBe("RolledBack");
    expect([...cluster.daemonSets.keys()].sort()).toEqual(["cache-east", "cache-north", "cache-south"]);
    withRollout(cluster, { versions: [] });
    await cluster.until(isCompleted(cluster));
    expect(cluster.app.status?.rollout).not.toHaveProperty("failedRevision");
  });

  it("E10 completes with 30 % away, and gives those that return only the newest version", async () => {
    const cluster = cdn();
    await cluster.until(isCompleted(cluster));
    const away = [...north.slice(0, 3), ...south.slice(0, 3), ...east.slice(0, 3)];
    for (const name of away) cluster.goAway(name);
    for (const tag of ["v2", "v3"]) {
      withImage(cluster, tag);
      await cluster.until(isCompleted(cluster), { each: expectCap(cluster, 2) });
    }
    expect(Object.keys(cluster.images())).toHaveLength(21);
    for (const name of away) cluster.comeBack(name);
    await cluster.until(() => Object.keys(cluster.images()).length === 30);
    expect(new Set(Object.values(cluster.images()))).toEqual(new Set(["v3"]));
    for (const name of away) expect(cluster.started.get(name)).not.toContain("cache:v2");
  });

  it.each([true, false])(
    "E10 moves all hosts of a group with 30 % away, where pods tolerate their taint: %s",
    async (toleratesAway) => {
      const cluster = cdn({ versions: [version("v2", [...north.slice(0, 2), ...south.slice(0, 1)], "v2")] });
      cluster.toleratesAway = toleratesAway;
      await cluster.until(isCompleted(cluster));
      const away = south.slice(2, 5);
      for (const name of away) cluster.goAway(name);
      for (const tag of ["v3", "v4"]) {
        withImage(cluster, `base-${tag}`);
        withRollout(cluster, { versions: [version(tag, south, tag)] });
        const startMs = cluster.nowMs;
        await cluster.until(isCompleted(cluster), { each: expectCap(cluster, 2) });
        // Two at a time, and never a wait for the counts of nodes that are away.
        expect(cluster.nowMs - startMs).toBeLessThan(60_000);
        expect(south.filter((name) => cluster.images()[name] === tag)).toHaveLength(7);
      }
      for (const name of away) cluster.comeBack(name);
      await cluster.until(() => away.every((name) => cluster.images()[name] === "v4"), {
        each: expectCap(cluster, 2),
      });
      for (const name of away) expect(cluster.started.get(name)).not.toContain("cache:v3");
    },
  );

  it("E10 skips a superseded revision for groups whose batch it had not reached", async () => {
    const cluster = cdn();
    await cluster.until(isCompleted(cluster));
    withImage(cluster, "v2");
    await cluster.until(() => cluster.app.status?.rollout?.batch === 2 && cluster.phase === "Progressing");
    withImage(cluster, "v3");
    await cluster.until(isCompleted(cluster), { each: expectCap(cluster, 2) });
    expect(new Set(Object.values(cluster.images()))).toEqual(new Set(["v3"]));
    for (const name of east) expect(cluster.started.get(name)).not.toContain("cache:v2");
  });

  it("stands still while it is paused, and goes on where it was without counting the time", async () => {
    const cluster = cdn({ progressDeadlineSeconds: 60 });
    await cluster.until(isCompleted(cluster));
    withImage(cluster, "v2");
    await cluster.until(() => cluster.phase === "Verifying");
    withRollout(cluster, { paused: true });
    await cluster.reconcile();
    const queries = cluster.queries;
    for (let round = 0; round < 100; round += 1) {
      cluster.tick();
      cluster.nowMs += 10_000;
      await cluster.reconcile();
    }
    expect(cluster.app.status?.rollout).toMatchObject({
      phase: "Paused",
      resumePhase: "Verifying",
      batch: 1,
    });
    expect(cluster.queries).toBe(queries);
    expect(cluster.images()["south-01"]).toBe("v1");
    withRollout(cluster, { paused: false });
    await cluster.until(isCompleted(cluster));
    expect(new Set(Object.values(cluster.images()))).toEqual(new Set(["v2"]));
  });

  it("goes back when a batch takes too long, and says what it waited for", async () => {
    const cluster = cdn({ progressDeadlineSeconds: 30 });
    await cluster.until(isCompleted(cluster));
    cluster.isBroken = (image) => image === "cache:bad";
    withImage(cluster, "bad");
    await cluster.until(() => cluster.phase === "RolledBack", { each: expectCap(cluster, 2) });
    expect(new Set(Object.values(cluster.images()))).toEqual(new Set(["v1"]));
    expect(rolledOut(cluster)).toMatchObject({
      reason: "DeadlineExceeded",
      message: expect.stringMatching(/wave-north.*after 30 s .*DaemonSet cache-north has \d+ of 10 pods/),
    });
  });

  it("stands when the first deployment fails: there is nothing to return to", async () => {
    const cluster = cdn();
    cluster.measure = () => ({ value: 1 });
    await cluster.until(() => cluster.phase === "Failed");
    expect(rolledOut(cluster)).toMatchObject({ status: "False", reason: "NothingToReturnTo" });
    expect(Object.keys(cluster.images()).every((name) => name.startsWith("north"))).toBe(true);
    cluster.measure = () => ({ value: 0 });
    withImage(cluster, "v2");
    await cluster.until(isCompleted(cluster));
  });

  it("pauses while a check gives no number, and goes on when it does", async () => {
    const cluster = cdn({ checkPolicy: { initialDelaySeconds: 0, intervalSeconds: 1, timeoutSeconds: 20 } });
    cluster.measure = () => ({ error: "Prometheus cannot be reached" });
    await cluster.until(() => cluster.phase === "Paused");
    expect(rolledOut(cluster)).toMatchObject({
      ...{ status: "False", reason: "CheckUnavailable" },
      message: expect.stringContaining("Prometheus cannot be reached"),
    });
    cluster.measure = () => ({ value: 0 });
    await cluster.until(isCompleted(cluster));
  });

  it("goes on without pre-pulled images where nobody pulls them", async () => {
    const cluster = cdn();
    cluster.pull = { state: "absent" };
    await cluster.until(isCompleted(cluster));
    expect(cluster.app.status?.conditions).toContainEqual(
      expect.objectContaining({ type: "ImagesPrePulled", status: "Unknown", reason: "NoController" }),
    );
  });

  it.each([
    { onFailure: "Rollback" as const, phase: "RolledBack" },
    { onFailure: "Pause" as const, phase: "Paused" },
  ])("with $onFailure is $phase when images cannot be pulled", async ({ onFailure, phase }) => {
    const cluster = cdn({ onFailure });
    await cluster.until(isCompleted(cluster));
    cluster.pull = { state: "failed", message: "no such image" };
    withImage(cluster, "v2");
    await cluster.until(() => cluster.phase === phase);
    expect(rolledOut(cluster)).toMatchObject({
      reason: "PullFailed",
      message: expect.stringContaining("no such image"),
    });
    expect(new Set(Object.values(cluster.images()))).toEqual(new Set(["v1"]));
  });

  it("tries again what stopped, when it is paused and let go", async () => {
    const cluster = cdn({ onFailure: "Pause" });
    await cluster.until(isCompleted(cluster));
    cluster.measure = () => ({ value: 1 });
    withImage(cluster, "v2");
    await cluster.until(() => cluster.phase === "Paused");
    cluster.measure = () => ({ value: 0 });
    await cluster.reconcile();
    expect(cluster.app.status?.rollout).toMatchObject({ phase: "Paused", reason: "CheckFailed" });
    withRollout(cluster, { paused: true });
    await cluster.reconcile();
    withRollout(cluster, { paused: false });
    await cluster.until(isCompleted(cluster));
    expect(cluster.images()["east-10"]).toBe("v2");
  });

  it("returns to the stable revision at once when the spec is edited back to it", async () => {
    const cluster = cdn();
    await cluster.until(isCompleted(cluster));
    const stable = cluster.app.status?.rollout?.stableRevision;
    withImage(cluster, "v2");
    await cluster.until(() => cluster.app.status?.rollout?.batch === 2 && cluster.phase === "Progressing");
    cluster.tick();
    withImage(cluster, "v1");
    await cluster.until(isCompleted(cluster), { each: expectCap(cluster, 2) });
    expect(new Set(Object.values(cluster.images()))).toEqual(new Set(["v1"]));
    expect(cluster.app.status?.rollout).toMatchObject({ revision: stable, stableRevision: stable });
  });

  it("lets go of every host when the rollout section is removed", async () => {
    const cluster = cdn({ versions: [version("v2", north.slice(0, 3), "v2")] });
    await cluster.until(isCompleted(cluster));
    cluster.edit(({ workloadScope, workloadTemplate }) => ({
      workloadScope,
      ...(workloadTemplate && { workloadTemplate }),
    }));
    const step = await cluster.reconcile();
    expect(step.status).toBeUndefined();
    expect(step.conditions).toEqual([]);
    expect([...cluster.nodes.values()].filter(({ labels }) => KEY in labels)).toEqual([]);
    expect(cluster.revisions.size).toBe(0);
    for (let round = 0; round < 5; round += 1) cluster.tick();
    expect(new Set(Object.values(cluster.images()))).toEqual(new Set(["v1"]));
  });

  it("takes the label of a host that left its group", async () => {
    const cluster = cdn({ versions: [version("v2", north.slice(0, 3), "v2")] });
    await cluster.until(isCompleted(cluster));
    const node = cluster.nodes.get("north-01");
    if (node !== undefined) node.labels = { [KEY]: "v2" };
    await cluster.reconcile();
    expect(node?.labels).toEqual({});
  });
});
