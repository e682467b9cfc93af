// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { EdgeApplicationSpec } from "@longshore/crds/apps";
import { Cluster, manifest, version } from "./cluster.ts";

const hosts = ["host-1", "host-2", "host-3"];

function cdn(rollout: EdgeApplicationSpec["rollout"]): Cluster {
  return new Cluster({
    workloadScope: { targetNodeGroups: [{ name: "north" }] },
    workloadTemplate: { manifests: [manifest("v0")] },
    rollout: { revisionHistoryLimit: 3, ...rollout },
  });
}

describe("bounds of a rollout", () => {
  it("many edits of which none gets to its end leave no more revisions than the history", async () => {
    const cluster = cdn({});
    cluster.addNodes("north", hosts);
    await cluster.until(() => cluster.phase === "Completed");
    for (let edit = 1; edit <= 30; edit += 1) {
      cluster.edit((spec) => ({ ...spec, workloadTemplate: { manifests: [manifest(`v${edit}`)] } }));
      await cluster.reconcile();
    }
    // The stable one, what runs, what is wanted, and the history.
    expect(cluster.revisions.size).toBeLessThanOrEqual(6);
  });

  it("what it does is counted once, however often is looked", async () => {
    const cluster = cdn({
      checks: [{ name: "errors", query: "q", operator: "<", threshold: "1" }],
      checkPolicy: { initialDelaySeconds: 0, intervalSeconds: 1, successes: 2 },
    });
    cluster.addNodes("north", hosts);
    await cluster.until(() => cluster.phase === "Completed");
    for (let more = 0; more < 5; more += 1) await cluster.reconcile();
    expect(cluster.tally).toEqual(["pre-pull pulled", "check held", "check held", "end Completed"]);
    cluster.tally.length = 0;
    cluster.measure = () => ({ value: 1 });
    cluster.edit((spec) => ({
      ...spec,
      rollout: { ...spec.rollout, versions: [version("v2", hosts.slice(0, 1), "v2")] },
    }));
    await cluster.until(() => cluster.phase === "RolledBack");
    expect(cluster.tally).toEqual([
      ...["pre-pull pulled", "host label written", "check failed", "host label written", "end RolledBack"],
    ]);
  });

  it("steps in which nothing changes render nothing", async () => {
    const cluster = cdn({});
    cluster.addNodes("north", hosts);
    await cluster.until(() => cluster.phase === "Completed");
    expect(cluster.renders).toBe(1);
    cluster.edit((spec) => ({ ...spec, workloadTemplate: { manifests: [manifest("v1")] } }));
    await cluster.until(() => cluster.phase === "Completed");
    expect(cluster.renders).toBe(2);
  });

  it("a check that is never answered lets a step end, and is not asked twice at once", async () => {
    const cluster = cdn({
      checks: [{ name: "errors", query: "q", operator: "<", threshold: "1" }],
      checkPolicy: { initialDelaySeconds: 0 },
    });
    cluster.addNodes("north", hosts);
    let asked = 0;
    cluster.measure = () => {
      asked += 1;
      return new Promise<never>(() => undefined) as never;
    };
    await cluster.until(() => cluster.phase === "Verifying", { rounds: 20 });
    const step = await cluster.reconcile();
    await cluster.reconcile();
    expect(asked).toBe(1);
    expect(step.afterMs).toBe(1000);
    expect(cluster.phase).toBe("Verifying");
  });
});
