// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { conditionOf, type ListOf, type NodeObject, type PodObject } from "../cluster/objects.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { DRAIN_MS, startFleet, type Fleet } from "./fleet.ts";

jest.setTimeout(180_000);
const SOON_MS = 30_000;
/** The environment's 20 s without a renewal, and what the cluster needs to tell. */
const NOT_READY_MS = 60_000;
const NAMES = ["fleet-1", "fleet-2", "fleet-3", "fleet-4", "fleet-5"];

describe("a simulated fleet", () => {
  let env: Environment;
  let ns: string;
  let fleet: Fleet;

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("fleet");
    fleet = await startFleet(env.layout.kubeconfig, { names: NAMES, labels: { fleet: "five" } });
  }, 600_000);
  afterAll(async () => {
    await env.kubectl.tryRun("-n", ns, "delete", "daemonset", "--all", "--timeout=30s");
    await fleet.close();
    for (const name of NAMES) expect(await env.kubectl.find("node", name)).toBeUndefined();
    await cleanEnvironment();
  }, 150_000);

  const apply = (image: string): Promise<string> =>
    env.kubectl.apply(
      JSON.stringify({
        ...{ apiVersion: "apps/v1", kind: "DaemonSet", metadata: { namespace: ns, name: "web" } },
        spec: {
          selector: { matchLabels: { app: "web" } },
          updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 2 } },
          template: {
            metadata: { labels: { app: "web" }, annotations: { [DRAIN_MS]: "1500" } },
            spec: { nodeSelector: { fleet: "five" }, containers: [{ name: "main", image }] },
          },
        },
      }),
    );
  const pods = async (): Promise<readonly PodObject[]> =>
    (await env.kubectl.json<ListOf<PodObject>>("-n", ns, "get", "pods", "-l", "app=web")).items;
  const available = (image: string, count: number): Promise<void> =>
    eventually(
      async () => {
        const { status } = await env.kubectl.json<{ status: Record<string, number> }>(
          ...["-n", ns, "get", "daemonset", "web"],
        );
        const up = (await pods()).filter(
          (pod) => pod.status.containerStatuses?.[0]?.image === image && isReady(pod),
        );
        expect([up.length, status["numberAvailable"]]).toEqual([count, count]);
      },
      { timeoutMs: SOON_MS },
    );
  const isReady = (object: NodeObject | PodObject): boolean =>
    conditionOf(object, "Ready")?.status === "True";
  const nodeReady = (name: string, status: string, timeoutMs: number): Promise<void> =>
    eventually(
      async () => {
        const node = await env.kubectl.json<NodeObject>("get", "node", name);
        expect(conditionOf(node, "Ready")?.status).toBe(status);
      },
      { timeoutMs },
    );

  it("runs the pods of a DaemonSet, and tells when each came up", async () => {
    await apply("web:1");
    await available("web:1", 5);
    expect(fleet.journal().map(({ what, image }) => `${what} ${image}`)).toEqual(NAMES.map(() => "up web:1"));
    const ran = fleet.journal().map(({ node }) => node);
    expect(ran.sort()).toEqual(NAMES);
    expect(fleet.statusOf("fleet-1").pods).toHaveLength(1);
  });

  it("drains a pod for as long as it says, two at once as its DaemonSet says", async () => {
    const before = fleet.journal().length;
    await apply("web:2");
    await available("web:2", 5);
    const entries = fleet.journal().slice(before);
    const down = new Map<string, number>();
    let most = 0;
    for (const { node, what, time } of entries) {
      if (what === "down") down.set(node, time);
      else expect(time - (down.get(node) ?? 0)).toBeGreaterThanOrEqual(1500);
      if (what === "up") down.delete(node);
      most = Math.max(most, down.size);
    }
    expect(entries).toHaveLength(10);
    expect(most).toBe(2);
  });

  it("has a node that goes away: not Ready, its pod stays; it is Ready and obedient when it comes back", async () => {
    fleet.goAway("fleet-3");
    await nodeReady("fleet-3", "Unknown", NOT_READY_MS);
    const before = fleet.journal().length;
    const old = (await pods()).find(({ spec }) => spec.nodeName === "fleet-3");
    await env.kubectl.run("-n", ns, "delete", "pod", old?.metadata.name ?? "", "--wait=false");
    await eventually(
      async () => {
        const { metadata } = await env.kubectl.json<PodObject>(
          ...["-n", ns, "get", "pod", old?.metadata.name ?? ""],
        );
        expect(metadata.deletionTimestamp).toBeDefined();
      },
      { timeoutMs: SOON_MS },
    );
    expect(fleet.statusOf("fleet-3")).toMatchObject({ isAway: true });
    expect(fleet.journal()).toHaveLength(before);

    await fleet.comeBack("fleet-3");
    await nodeReady("fleet-3", "True", SOON_MS);
    await available("web:2", 5);
    const after = fleet.journal().slice(before);
    expect(after.map(({ node, what }) => `${node} ${what}`)).toEqual(["fleet-3 down", "fleet-3 up"]);
    expect((await pods()).map(({ metadata }) => metadata.name)).not.toContain(old?.metadata.name);
  });

  it("makes a pod Ready again that the cluster took for lost while its node was away", async () => {
    fleet.goAway("fleet-4");
    const podOf = async (): Promise<PodObject | undefined> =>
      (await pods()).find(({ spec }) => spec.nodeName === "fleet-4");
    await eventually(async () => expect(isReady((await podOf())!)).toBe(false), { timeoutMs: NOT_READY_MS });
    const before = fleet.journal().length;
    await fleet.comeBack("fleet-4");
    await eventually(async () => expect(isReady((await podOf())!)).toBe(true), { timeoutMs: SOON_MS });
    expect(fleet.journal()).toHaveLength(before);
  });
});
