// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { ListOf, NodeObject, PodObject } from "../cluster/objects.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { startFleet, type Fleet } from "./fleet.ts";
import { BELONGING_TO, groupOf, nodeGroup, nodeStatusOf, type NodeGroupObject } from "./group-manifests.ts";

jest.setTimeout(120_000);
const SOON_MS = 40_000;
const ZONE = "topology.kubernetes.io/zone";

describe("node group", () => {
  let env: Environment;
  let ns: string;
  let fleet: Fleet;
  const [one, two, three] = ["ng-1", "ng-2", "ng-3"] as const;
  const groups = ["hangzhou", "rival", "zoned", "dressed"];

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("node-group");
    fleet = await startFleet(env.layout.kubeconfig, { names: [one, two, three] });
  }, 600_000);
  afterAll(async () => {
    await env.kubectl.tryRun("delete", "nodegroup", ...groups, "--ignore-not-found", "--timeout=30s");
    await fleet.close();
    await cleanEnvironment();
  }, 120_000);

  const find = (name: string): Promise<NodeGroupObject> => env.kubectl.json("get", "nodegroup", name);
  const labels = async (node: string): Promise<Readonly<Record<string, string>>> =>
    (await env.kubectl.json<NodeObject>("get", "node", node)).metadata.labels ?? {};
  const label = (node: string, ...changes: string[]): Promise<string> =>
    env.kubectl.run("label", "node", node, "--overwrite", ...changes);
  const belongs = (node: string, group: string | undefined): Promise<void> =>
    eventually(async () => expect((await labels(node))[BELONGING_TO]).toBe(group), { timeoutMs: SOON_MS });

  it("A21 takes the nodes with its labels, and tells of the one that is not there", async () => {
    await label(one, "location=hangzhou");
    await label(two, "location=hangzhou");
    await env.kubectl.apply(
      nodeGroup("hangzhou", { matchLabels: { location: "hangzhou" }, nodes: ["ghost"] }),
    );
    await belongs(one, "hangzhou");
    await eventually(
      async () =>
        expect(nodeStatusOf(await find("hangzhou"))).toEqual({
          ghost: "Unknown Failed node does not exist",
          [one]: "Ready Succeeded",
          [two]: "Ready Succeeded",
        }),
      { timeoutMs: SOON_MS },
    );
    const shown = await env.kubectl.run("get", "nodegroup", "hangzhou");
    expect(shown).toMatch(/NAME +NODES +READY +OFFLINE +AGE\nhangzhou +2 +2 +0 /);
  });

  it("A21 tells when a member is not ready", async () => {
    fleet.goAway(two);
    await eventually(
      async () => expect(nodeStatusOf(await find("hangzhou"))[two]).toMatch(/^(NotReady|Unknown) Succeeded$/),
      { timeoutMs: 60_000 },
    );
    await fleet.comeBack(two);
    await eventually(async () => expect(nodeStatusOf(await find("hangzhou"))[two]).toBe("Ready Succeeded"), {
      timeoutMs: SOON_MS,
    });
  });

  it("A21 refuses a second group a node that belongs to the first", async () => {
    await env.kubectl.apply(nodeGroup("rival", { nodes: [one] }));
    await eventually(
      async () =>
        expect(nodeStatusOf(await find("rival"))[one]).toBe(
          `Ready Failed node ${one} has already belonged to NodeGroup hangzhou`,
        ),
      { timeoutMs: SOON_MS },
    );
    expect((await labels(one))[BELONGING_TO]).toBe("hangzhou");
    const events = await env.kubectl.run("get", "events", "-A", "--field-selector=involvedObject.name=rival");
    expect(events).toContain("NodeConflict");
    await env.kubectl.run("delete", "nodegroup", "rival", "--timeout=20s");
  });

  it("puts right what somebody did to the label of a member", async () => {
    await label(one, `${BELONGING_TO}=elsewhere`);
    await belongs(one, "hangzhou");
    await label(one, `${BELONGING_TO}-`);
    await belongs(one, "hangzhou");
  });

  it("A21 lets a node go, and the pods of the group with it", async () => {
    const pod = (name: string, nodeSelector: object): string =>
      JSON.stringify({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace: ns },
        spec: {
          ...{ nodeName: two, nodeSelector, terminationGracePeriodSeconds: 1 },
          containers: [{ name: "main", image: "localhost/none:v1" }],
        },
      });
    await env.kubectl.apply(pod("of-group", { [BELONGING_TO]: "hangzhou" }));
    await env.kubectl.apply(pod("of-nobody", {}));
    await label(two, "location-");
    await belongs(two, undefined);
    await eventually(
      async () => {
        const { items } = await env.kubectl.json<ListOf<PodObject>>("-n", ns, "get", "pods");
        expect(items.map(({ metadata }) => metadata.name)).toEqual(["of-nobody"]);
      },
      { timeoutMs: SOON_MS },
    );
  });

  it("A21 labels members with their zone where that is wanted", async () => {
    await env.kubectl.apply(nodeGroup("zoned", { nodes: [three], topologyEnabled: true }));
    await belongs(three, "zoned");
    expect((await labels(three))[ZONE]).toBe("zoned");
    await env.kubectl.apply(nodeGroup("zoned", { nodes: [three], topologyEnabled: false }));
    await eventually(async () => expect(await labels(three)).not.toHaveProperty([ZONE]), {
      timeoutMs: SOON_MS,
    });
    await env.kubectl.run("delete", "nodegroup", "zoned", "--timeout=20s");
    await belongs(three, undefined);
  });

  it("gives members what its template has, and takes it back", async () => {
    const taint = { key: "site", value: "cold", effect: "NoSchedule" };
    const nodeTemplate = { labels: { tier: "cold" }, annotations: { owner: "north" }, taints: [taint] };
    await label(three, "mine=stays");
    await env.kubectl.apply(nodeGroup("dressed", { nodes: [three], nodeTemplate }));
    const node = (): Promise<NodeObject> => env.kubectl.json("get", "node", three);
    await eventually(
      async () => {
        const { metadata, spec } = await node();
        expect(metadata.labels).toMatchObject({ tier: "cold", mine: "stays" });
        expect(metadata.annotations).toMatchObject({ owner: "north" });
        expect(spec.taints).toContainEqual(taint);
      },
      { timeoutMs: SOON_MS },
    );
    await env.kubectl.run("delete", "nodegroup", "dressed", "--timeout=20s");
    await eventually(
      async () => {
        const { metadata, spec } = await node();
        expect(metadata.labels).not.toHaveProperty("tier");
        expect(metadata.labels).toMatchObject({ mine: "stays" });
        expect(metadata.annotations).not.toHaveProperty("owner");
        expect(spec.taints ?? []).not.toContainEqual(taint);
      },
      { timeoutMs: SOON_MS },
    );
    expect(await groupOf(env.kubectl, three)).toBeUndefined();
  });
});
