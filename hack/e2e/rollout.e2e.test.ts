// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ctr } from "../cluster/containerd.ts";
import { BUSYBOX_IMAGE } from "../cluster/images.ts";
import { conditionOf, type Condition, type ListOf, type Meta, type NodeObject } from "../cluster/objects.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { startFleet, type Fleet, type JournalEntry } from "./fleet.ts";
import { application, nodeGroup, type ApplicationObject } from "./group-manifests.ts";
import { startPrometheus, type Prometheus } from "./prometheus.ts";

jest.setTimeout(240_000);
const ROLLED_OUT_MS = 180_000;
const SHOWN = { timeoutMs: 20_000 };
const imageOf = (version: string): string => `localhost/busybox:${version}`;
const names = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `ro-${letter}${i + 1}`);

interface Pod {
  readonly metadata: Meta;
  readonly spec: { readonly nodeName?: string; readonly containers: readonly { readonly image: string }[] };
  readonly status: { readonly conditions?: readonly Condition[] };
}
describe("rollout", () => {
  const dir = mkdtempSync(join(tmpdir(), "longshore-rollout-"));
  const drained = join(dir, "drained");
  let env: Environment;
  let ns: string;
  let fleet: Fleet;
  let prometheus: Prometheus;
  let groups: Readonly<Record<string, readonly string[]>>;

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("rollout");
    for (const version of ["v1", "v2", "v3"])
      await ctr(env.layout, "images", "tag", "--force", BUSYBOX_IMAGE, imageOf(version));
    // Nine and the real one, ten, and two.
    groups = {
      "ro-a": [env.node, ...names("a", 9)],
      "ro-b": names("b", 10),
      "ro-c": names("c", 2),
    };
    const simulated = Object.values(groups)
      .flat()
      .filter((name) => name !== env.node);
    fleet = await startFleet(env.layout.kubeconfig, { names: simulated });
    prometheus = await startPrometheus(env.layout);
    await prometheus.set(0);
    for (const [name, nodes] of Object.entries(groups)) await env.kubectl.apply(nodeGroup(name, { nodes }));
  }, 600_000);
  afterAll(async () => {
    await env.kubectl.tryRun("-n", ns, "delete", "edgeapplication", "--all", "--timeout=60s");
    await env.kubectl.tryRun("delete", "nodegroup", ...Object.keys(groups), "--timeout=60s");
    await prometheus.stop();
    await fleet.close();
    await cleanEnvironment();
    rmSync(dir, { recursive: true, force: true });
  }, 240_000);

  /** One pod a host; when it is told to end, it drains: writes down its version, and takes a while. */
  const cache = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "cache" },
    spec: {
      selector: { matchLabels: { app: "cache" } },
      template: {
        metadata: { labels: { app: "cache" } },
        spec: {
          ...{ terminationGracePeriodSeconds: 10, automountServiceAccountToken: false },
          volumes: [{ name: "drain", hostPath: { path: dir } }],
          containers: [
            {
              ...{ name: "main", image: imageOf("v1"), imagePullPolicy: "IfNotPresent" },
              command: ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"],
              volumeMounts: [{ name: "drain", mountPath: "/drain" }],
              lifecycle: {
                preStop: { exec: { command: ["/bin/sh", "-c", "sleep 2; echo done >> /drain/drained"] } },
              },
            },
          ],
        },
      },
    },
  };
  const tag = (value: string) => ({
    imageOverriders: [{ component: "Tag", operator: "replace", value }],
  });
  const deploy = (rollout: object): Promise<string> =>
    env.kubectl.apply(
      application({
        ...{ namespace: ns, name: "cdn", manifests: [cache] },
        scope: { targetNodeGroups: Object.keys(groups).map((name) => ({ name })) },
        rollout: {
          maxUnavailable: 2,
          batches: Object.keys(groups).map((name) => ({ name: `wave-${name}`, targets: [name] })),
          checks: [{ name: "errors", query: "error_rate", operator: "<", threshold: "0.01" }],
          checkPolicy: { initialDelaySeconds: 2, intervalSeconds: 1, successes: 2 },
          prePull: { enabled: true, timeoutSeconds: 60 },
          progressDeadlineSeconds: 150,
          ...rollout,
        },
      }),
    );
  const app = (): Promise<ApplicationObject> => env.kubectl.json("-n", ns, "get", "edgeapplication", "cdn");
  const pods = async (): Promise<readonly Pod[]> =>
    (await env.kubectl.json<ListOf<Pod>>("-n", ns, "get", "pods", "-l", "app=cache")).items.filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined,
    );
  /** Hosts by the version that they run. */
  const hosts = async (): Promise<Record<string, string[]>> => {
    const found: Record<string, string[]> = {};
    for (const { spec } of await pods())
      (found[spec.containers[0]?.image ?? ""] ??= []).push(spec.nodeName ?? "");
    for (const list of Object.values(found)) list.sort();
    return found;
  };
  /** Nodes that were not Ready since then, or are not. */
  const awaySince = async (sinceMs: number): Promise<readonly string[]> => {
    const { items } = await env.kubectl.json<ListOf<NodeObject>>("get", "nodes");
    const changedMs = (node: NodeObject): number =>
      Date.parse(conditionOf(node, "Ready")?.lastTransitionTime ?? "");
    // Whole seconds.
    return items.filter((node) => !(changedMs(node) < sinceMs - 1000)).map(({ metadata }) => metadata.name);
  };
  const reached = (phase: string): Promise<ApplicationObject> =>
    eventually(
      async () => {
        const now = await app();
        expect(now.status?.rollout?.phase).toBe(phase);
        return now;
      },
      { timeoutMs: ROLLED_OUT_MS, intervalMs: 500 },
    );
  const all = (): string[] => Object.values(groups).flat().sort();

  it("A38 deploys group by group, and says how far it is", async () => {
    await deploy({});
    await reached("Completed");
    expect(await hosts()).toEqual({ [imageOf("v1")]: all() });
    // What the rollout says is written at once, all else a second later.
    await eventually(async () => {
      const shown = await env.kubectl.run("-n", ns, "get", "edgeapplication", "cdn");
      expect(shown).toMatch(/cdn +3 +22 +22 +22 +True +Completed/);
    }, SHOWN);
  });

  it("A38 gives three hosts the second version, two of a group at a time, after they have its image", async () => {
    const chosen = [env.node, "ro-a1", "ro-b1"].sort();
    const before = fleet.journal().length;
    await deploy({ versions: [{ name: "v2", nodes: chosen, overriders: tag("v2") }] });
    await eventually(async () => expect((await hosts())[imageOf("v2")]).toEqual(chosen), {
      timeoutMs: ROLLED_OUT_MS,
    });
    await reached("Completed");
    // The image was there before a pod of it was.
    const pulls = fleet.pulls().filter(({ images }) => images.includes(imageOf("v2")));
    expect([...new Set(pulls.map(({ node }) => node))].sort()).toEqual(
      chosen.filter((name) => name !== env.node),
    );
    for (const { node, image, what, time } of fleet.journal())
      if (what === "up" && image === imageOf("v2"))
        expect(pulls.find((pull) => pull.node === node)?.time).toBeLessThanOrEqual(time);
    expect(await hosts()).toEqual({
      [imageOf("v1")]: all().filter((name) => !chosen.includes(name)),
      [imageOf("v2")]: chosen,
    });
    // Only hosts that were named had to let go of their pod, and each drained first.
    const fell = new Set(
      fleet
        .journal()
        .slice(before)
        .flatMap(({ node, what }) => (what === "down" ? [node] : [])),
    );
    expect([...fell].sort()).toEqual(chosen.filter((name) => name !== env.node));
    expect(readFileSync(drained, "utf8")).toBe("done\n");
  });

  it("A38 never has more than two pods of a group down, also when all change", async () => {
    const before = fleet.journal().length;
    const startMs = Date.now();
    const changed = structuredClone(cache);
    changed.spec.template.metadata.labels = { app: "cache", color: "blue" } as never;
    const wish = await app();
    await env.kubectl.apply(
      JSON.stringify({
        apiVersion: "apps.kubeedge.io/v1alpha1",
        kind: "EdgeApplication",
        metadata: { name: "cdn", namespace: ns },
        spec: { ...(wish as unknown as { spec: object }).spec, workloadTemplate: { manifests: [changed] } },
      }),
    );
    await eventually(async () => expect((await app()).status?.rollout?.phase).not.toBe("Completed"), {
      timeoutMs: 20_000,
    });
    await reached("Completed");
    const down = mostDown(fleet.journal(), { from: before, groups });
    // A node that a busy machine made the cluster miss for a while lets a DaemonSet exceed the cap by one.
    const away = await awaySince(startMs);
    expect({ down, away, isWithin: down.length <= 2 + away.length }).toMatchObject({ isWithin: true });
    expect((await pods()).every(({ metadata }) => metadata.labels?.["color"] === "blue")).toBe(true);
  });

  it("A38 stops when a check fails after the second wave, and takes back what changed", async () => {
    const was = await hosts();
    const chosen = ["ro-a2", "ro-b2", "ro-c1"];
    const seen = new Set<string>();
    await deploy({ versions: [{ name: "v3", nodes: chosen, overriders: tag("v3") }] });
    await eventually(async () => expect((await app()).status?.rollout?.batch).toBe(2), {
      timeoutMs: ROLLED_OUT_MS,
    });
    await prometheus.set(0.5);
    const stopped = await eventually(
      async () => {
        for (const name of (await hosts())[imageOf("v3")] ?? []) seen.add(name);
        const now = await app();
        expect(now.status?.rollout?.phase).toBe("RolledBack");
        return now;
      },
      { timeoutMs: ROLLED_OUT_MS, intervalMs: 200 },
    );
    const condition = stopped.status?.conditions?.find(({ type }) => type === "RolledOut");
    expect(condition).toMatchObject({ status: "False", reason: "CheckFailed" });
    expect(condition?.message).toContain("0.5");
    expect([...seen].sort()).toEqual(["ro-a2", "ro-b2"]);
    expect(await hosts()).toEqual(was);
    await prometheus.set(0);
  });

  it("E10 goes on without hosts that are away, and gives them the newest version when they come back", async () => {
    fleet.goAway("ro-b3");
    fleet.goAway("ro-b4");
    fleet.goAway("ro-b5");
    await eventually(
      async () => {
        const node = await env.kubectl.json<{ status: { conditions: readonly Condition[] } }>(
          "get",
          "node",
          "ro-b5",
        );
        expect(conditionOf(node, "Ready")?.status).toBe("Unknown");
      },
      { timeoutMs: 90_000 },
    );
    await deploy({ versions: [{ name: "v2", nodes: names("b", 10), overriders: tag("v2") }] });
    await reached("Completed");
    await deploy({ versions: [{ name: "v3", nodes: names("b", 10), overriders: tag("v3") }] });
    await eventually(async () => expect((await app()).status?.rollout?.phase).not.toBe("Completed"), {
      timeoutMs: 20_000,
    });
    await reached("Completed");
    const before = fleet.journal().length;
    for (const name of ["ro-b3", "ro-b4", "ro-b5"]) await fleet.comeBack(name);
    await eventually(async () => expect((await hosts())[imageOf("v3")]).toEqual(names("b", 10).sort()), {
      timeoutMs: 90_000,
    });
    // A pod is there before it is up.
    const ran = await eventually(() => {
      const ups = fleet
        .journal()
        .slice(before)
        .filter(({ what }) => what === "up");
      expect(ups.map(({ node }) => node).sort()).toEqual(["ro-b3", "ro-b4", "ro-b5"]);
      return ups;
    }, SHOWN);
    expect(new Set(ran.map(({ image }) => image))).toEqual(new Set([imageOf("v3")]));
  });
});

interface Watched {
  /** Entry of the journal with which it begins. */
  readonly from: number;
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

/** Hosts of one group that had no pod that was up at the same moment, of those that had had one: at the worst moment. */
function mostDown(journal: readonly JournalEntry[], { from, groups }: Watched): readonly string[] {
  const upOn = new Map<string, Set<string>>();
  let most: readonly string[] = [];
  journal.forEach(({ node, pod, what }, index) => {
    const up = upOn.get(node) ?? new Set();
    upOn.set(node, up);
    if (what === "up") up.add(pod);
    else up.delete(pod);
    if (index < from) return;
    for (const members of Object.values(groups)) {
      const down = members.filter((name) => upOn.get(name)?.size === 0);
      if (down.length > most.length) most = down;
    }
  });
  return most;
}
