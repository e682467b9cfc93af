// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { ListOf, NodeObject, PodObject } from "../cluster/objects.ts";
import { findProcess, isAlive } from "../cluster/processes.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { runPods } from "./stream-pods.ts";

jest.setTimeout(120_000);
/** Works without pause, so that there is something to measure. */
const BUSY = "head -c 33554432 /dev/zero > /tmp/file; while :; do :; done";
/** Two readings of metrics-server, at its resolution of 15 s. */
const MEASURED_MS = 75_000;

interface Usage {
  readonly cpu?: { readonly usageNanoCores?: number; readonly usageCoreNanoSeconds?: number };
  readonly memory?: { readonly workingSetBytes?: number };
}
interface Summary {
  readonly node: Usage & { readonly nodeName: string };
  readonly pods: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
    readonly containers?: readonly (Usage & { readonly name: string })[];
  }[];
}

describe("what an edge node tells of itself, with the session at another hub", () => {
  let env: Environment;
  let ns: string;
  const ask = (path: string): Promise<string> =>
    env.kubectl.run("get", "--raw", `/api/v1/nodes/${env.node}/proxy/${path}`);

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("stats");
    const resources = { limits: { cpu: "200m" } };
    await runPods(env, { namespace: ns, name: "busy", script: BUSY, container: { resources } });
  }, 600_000);
  afterAll(cleanEnvironment, 90_000);

  it("the Node tells API servers to ask the hubs, and keeps its own addresses", async () => {
    const node = await env.kubectl.json<NodeObject>("get", "node", env.node);
    const addresses = node.status.addresses?.filter(({ type }) => type === "InternalIP");
    expect(addresses?.[0]?.address).toBe(env.layout.address);
    expect(addresses?.length).toBeGreaterThan(1);
    expect(node.metadata.annotations?.["metrics.k8s.io/resource-metrics-path"]).toBe(
      `/nodes/${env.node}/metrics/resource`,
    );
  });

  it("stats/summary has the node and the pod with what they use", async () => {
    const uid = (await env.pod(ns, "busy"))?.metadata.uid;
    await eventually(
      async () => {
        const { node, pods } = JSON.parse(await ask("stats/summary")) as Summary;
        expect(node).toMatchObject({
          nodeName: env.node,
          cpu: { usageCoreNanoSeconds: expect.any(Number) },
          memory: { workingSetBytes: expect.any(Number) },
        });
        const found = pods.find(({ podRef }) => podRef.namespace === ns);
        expect(found?.podRef).toEqual({ name: "busy", namespace: ns, uid });
        const main = found!.containers![0]!;
        expect(main.name).toBe("main");
        expect(main.cpu!.usageNanoCores).toBeGreaterThan(50e6);
        expect(main.cpu!.usageNanoCores).toBeLessThan(400e6);
        expect(main.memory!.workingSetBytes).toBeGreaterThan(0);
      },
      { timeoutMs: 30_000, intervalMs: 1_000 },
    );
  });

  it("metrics/resource has what metrics-server reads", async () => {
    const lines = (await ask("metrics/resource")).split("\n");
    const labels = `container="main",namespace="${ns}",pod="busy"`;
    for (const start of [
      "node_cpu_usage_seconds_total ",
      "node_memory_working_set_bytes ",
      `container_cpu_usage_seconds_total{${labels}}`,
      `container_memory_working_set_bytes{${labels}}`,
      `container_start_time_seconds{${labels}}`,
      `pod_cpu_usage_seconds_total{namespace="${ns}",pod="busy"}`,
      `pod_memory_working_set_bytes{namespace="${ns}",pod="busy"}`,
    ])
      expect(lines.find((line) => line.startsWith(start))).toBeDefined();
  });

  it.each(["container_cpu_usage_seconds_total", "container_memory_working_set_bytes"])(
    "metrics/cadvisor has %s of the pod, with the labels that boards use",
    async (name) => {
      const lines = (await ask("metrics/cadvisor")).split("\n");
      const labels = ['container="main"', `namespace="${ns}"`, 'pod="busy"'];
      const found = lines.filter(
        (line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)),
      );
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(/image="[^"]+"/); // boards leave out what has none
    },
  );

  it("metrics, pods and healthz answer as a kubelet's", async () => {
    expect(await ask("metrics")).toMatch(/^# HELP /m);
    expect((await ask("healthz")).trim()).toBe("ok");
    const pods = JSON.parse(await ask("pods")) as ListOf<PodObject> & { readonly kind: string };
    expect(pods.kind).toBe("PodList");
    const names = pods.items.map(({ metadata }) => `${metadata.namespace ?? ""}/${metadata.name}`);
    expect(names).toContain(`${ns}/busy`);
  });

  it("anything else is not there", async () => {
    for (const path of ["logs/", "debug/pprof/", "configz", "run/default/x/y"]) {
      const { code, stderr } = await env.kubectl.tryRun(
        ...["get", "--raw", `/api/v1/nodes/${env.node}/proxy/${path}`],
      );
      expect(code).not.toBe(0);
      expect(stderr).toMatch(/could not find|not found|NotFound/i);
    }
  });

  describe("kubectl top, through metrics-server", () => {
    beforeAll(() => {
      const record = findProcess(env.layout, "metrics-server");
      if (!record || !isAlive(record))
        throw new Error("metrics-server does not run: see the start of the environment for what it lacks");
    });
    const rows = async (...args: string[]): Promise<string[][]> =>
      (await env.kubectl.run("top", ...args, "--no-headers"))
        .trim()
        .split("\n")
        .map((line) => line.split(/\s+/));

    it("nodes tells CPU and memory of the edge node", async () => {
      const [row] = await eventually(() => rows("nodes"), { timeoutMs: MEASURED_MS, intervalMs: 1_000 });
      expect(row?.[0]).toBe(env.node);
      expect(row?.[1]).toMatch(/^[1-9]\d*m$/);
      expect(row?.[3]).toMatch(/^[1-9]\d*Mi$/);
    });

    it("pods tells CPU and memory of the pod and of its container", async () => {
      const [row] = await eventually(() => rows("pods", "-n", ns), {
        timeoutMs: MEASURED_MS,
        intervalMs: 1_000,
      });
      expect(row?.[0]).toBe("busy");
      expect(Number(row?.[1]?.replace("m", ""))).toBeGreaterThan(50);
      expect(row?.[2]).toMatch(/^\d+Mi$/);
      const [container] = await rows("pods", "-n", ns, "--containers");
      expect(container?.slice(0, 2)).toEqual(["busy", "main"]);
    });
  });
});
