// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { ContainerState, PodSandboxState } from "@longshore/crds/cri";
import { join } from "node:path";
import { Counter } from "prom-client";
import { CriError } from "../../../src/cri/index.ts";
import type { NodeReader } from "../../../src/streams/stats/index.ts";
import { settle } from "../../pods/hand-clock.ts";
import { parseExposition, type Point } from "./exposition.ts";
import {
  container,
  fakeNode,
  id,
  plant,
  runtimeOf,
  sandbox,
  STARTED_MS,
  stats,
  v1,
  v2,
  type FakeNode,
  type Group,
  type Tree,
} from "./fixture.ts";

let node: FakeNode | undefined;
afterEach(() => {
  node?.remove();
  node = undefined;
});

const NOW_MS = 1_700_000_000_000;
const POD = "/longshore/burstable/poduid-web";
const APP: Group = {
  cpuMs: 4_000,
  usageBytes: 10_000,
  inactiveFileBytes: 3_000,
  limitBytes: 20_000,
  quotaUs: 50_000,
};
const PODS: Group = { cpuMs: 5_000, usageBytes: 12_000, inactiveFileBytes: 2_000, pids: [1, 2, 3] };
const PAUSE: Group = { cpuMs: 1, usageBytes: 1, inactiveFileBytes: 0, pids: [71] };

const groups = (of: (path: string, group: Group) => Tree): Tree => ({
  ...of(POD, PODS),
  ...of(`${POD}/${id("web-app")}`, APP),
  ...of(`${POD}/${id("sandbox-web")}`, PAUSE),
});

const HIERARCHIES = [
  { hierarchy: "split", cgroup: { ...groups(v1), "cpuacct/cpuacct.usage": "9000000000\n" } },
  {
    hierarchy: "unified",
    cgroup: { ...groups(v2), "cgroup.controllers": "cpu memory\n", "cpu.stat": "usage_usec 9000000\n" },
  },
];
const [SPLIT] = HIERARCHIES as [(typeof HIERARCHIES)[number]];

const web = (cpuMs = 4_000, atMs = NOW_MS): FakeNode["cri"] =>
  runtimeOf({
    listPodSandbox: () => Promise.resolve([sandbox("web")]),
    listContainers: () => Promise.resolve([container("web", "app")]),
    listContainerStats: () => Promise.resolve([stats("web", "app", atMs, cpuMs)]),
  });

async function points(from: FakeNode, what: "metrics" | "metrics/resource" | "metrics/cadvisor") {
  const { contentType, body } = await from.reader().read(what);
  expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  return parseExposition(body);
}

interface SummaryPod {
  readonly network?: { readonly interfaces: readonly object[] };
  readonly cpu: { readonly usageCoreNanoSeconds: number };
  readonly memory: { readonly workingSetBytes: number };
  readonly containers: readonly { readonly cpu: { readonly usageNanoCores?: number } }[];
}

/** The only pod of the summary. */
async function summaryPod(reader: NodeReader): Promise<SummaryPod> {
  const summary = JSON.parse((await reader.read("stats/summary")).body) as { pods: [SummaryPod] };
  expect(summary.pods).toHaveLength(1);
  return summary.pods[0];
}

const named = (all: readonly Point[], name: string): readonly Point[] => all.filter((p) => p.name === name);
const one = (all: readonly Point[], name: string, labels: Record<string, string> = {}): Point | undefined =>
  named(all, name).find((p) => Object.entries(labels).every(([key, value]) => p.labels[key] === value));

describe.each(HIERARCHIES)("a node with a $hierarchy cgroup hierarchy", ({ cgroup }) => {
  it("tells in its summary what the machine, the pod and the container use", async () => {
    node = fakeNode({ cgroup });
    plant(join(node.dir, "logs/shop_web_uid-web/app"), { "0.log": "12345", "0.log.1": "67" });
    node.cri = web();
    const { contentType, body } = await node.reader().read("stats/summary");
    expect(contentType).toBe("application/json");
    const time = "2023-11-14T22:13:20Z";
    expect(JSON.parse(body)).toEqual({
      node: {
        nodeName: "edge-1",
        startTime: "2023-11-14T19:26:40Z",
        cpu: { time, usageCoreNanoSeconds: 9_000_000_000 },
        memory: {
          time,
          usageBytes: 524_288 * 1024,
          workingSetBytes: (524_288 - 131_072) * 1024,
          availableBytes: (524_288 + 131_072) * 1024,
          rssBytes: 200_000 * 1024,
          pageFaults: 900,
          majorPageFaults: 9,
        },
        network: {
          time,
          ...{ name: "ens3", rxBytes: 1_000, rxErrors: 1, txBytes: 2_000, txErrors: 3 },
          interfaces: [{ name: "ens3", rxBytes: 1_000, rxErrors: 1, txBytes: 2_000, txErrors: 3 }],
        },
        fs: expect.objectContaining({ time, capacityBytes: expect.any(Number), inodes: expect.any(Number) }),
        runtime: {
          imageFs: expect.objectContaining({
            usedBytes: 123,
            inodesUsed: 4,
            capacityBytes: expect.any(Number),
          }),
        },
        rlimit: { time, maxpid: 32_768, curproc: 123 },
      },
      pods: [
        {
          podRef: { name: "web", namespace: "shop", uid: "uid-web" },
          startTime: "2023-11-14T21:56:40Z",
          cpu: { time, usageCoreNanoSeconds: 5_000_000_000 },
          memory: {
            time,
            ...{ usageBytes: 12_000, workingSetBytes: 10_000, rssBytes: 8_192 },
            ...{ pageFaults: 70, majorPageFaults: 7 },
          },
          network: {
            time,
            ...{ name: "eth0", rxBytes: 300, rxErrors: 1, txBytes: 400, txErrors: 3 },
            interfaces: [{ name: "eth0", rxBytes: 300, rxErrors: 1, txBytes: 400, txErrors: 3 }],
          },
          "ephemeral-storage": expect.objectContaining({ usedBytes: 784, inodesUsed: 9 }),
          process_stats: { process_count: 3 },
          containers: [
            {
              name: "app",
              startTime: "2023-11-14T21:56:40Z",
              cpu: { time, usageCoreNanoSeconds: 4_000_000_000 },
              memory: {
                time,
                ...{ usageBytes: 10_000, workingSetBytes: 5_000, availableBytes: 15_000, rssBytes: 8_192 },
                ...{ pageFaults: 70, majorPageFaults: 7 },
              },
              rootfs: expect.objectContaining({ usedBytes: 777, inodesUsed: 7 }),
              logs: expect.objectContaining({ usedBytes: 7, inodesUsed: 2 }),
            },
          ],
        },
      ],
    });
  });

  it("gives metrics-server its series under the kubelet's names, with times in milliseconds", async () => {
    node = fakeNode({ cgroup });
    node.cri = web(4_000, NOW_MS - 250);
    const all = await points(node, "metrics/resource");
    const pod = { namespace: "shop", pod: "web" };
    const app = { container: "app", ...pod };
    const at = (name: string, labels: Record<string, string>, value: number, atMs?: number): Point => ({
      ...{ name, labels, value, atMs },
    });
    expect(all).toEqual([
      at("container_cpu_usage_seconds_total", app, 4, NOW_MS - 250),
      at("container_memory_working_set_bytes", app, 5_000, NOW_MS - 250),
      at("container_start_time_seconds", app, (STARTED_MS + 500) / 1000),
      at("node_cpu_usage_seconds_total", {}, 9, NOW_MS),
      at("node_memory_working_set_bytes", {}, (524_288 - 131_072) * 1024, NOW_MS),
      at("node_swap_usage_bytes", {}, 1_048_576, NOW_MS),
      at("pod_cpu_usage_seconds_total", pod, 5, NOW_MS),
      at("pod_memory_working_set_bytes", pod, 10_000, NOW_MS),
      at("pod_swap_usage_bytes", pod, 0, NOW_MS),
      at("resource_scrape_error", {}, 0),
    ]);
  });

  it("gives boards the series of cAdvisor for the node, the pod, its network and its container", async () => {
    node = fakeNode({ cgroup });
    node.cri = web();
    const all = await points(node, "metrics/cadvisor");
    const app = {
      container: "app",
      id: `${POD}/${id("web-app")}`,
      image: "localhost/app:1",
      name: id("web-app"),
      namespace: "shop",
      pod: "web",
    };
    const value = (name: string, labels: Record<string, string> = app): number | undefined =>
      one(all, name, labels)?.value;
    expect(one(all, "container_cpu_usage_seconds_total", app)).toEqual({
      name: "container_cpu_usage_seconds_total",
      labels: { ...app, cpu: "total" },
      value: 4,
      atMs: NOW_MS,
    });
    expect(
      Object.fromEntries(
        [...new Set(all.filter((p) => p.labels["container"] === "app").map((p) => p.name))]
          .filter((name) => name !== "container_memory_failures_total")
          .map((name) => [name, value(name)]),
      ),
    ).toEqual({
      container_cpu_usage_seconds_total: 4,
      container_cpu_user_seconds_total: 3.999,
      container_cpu_system_seconds_total: 0.001,
      container_cpu_cfs_periods_total: 50,
      container_cpu_cfs_throttled_periods_total: 5,
      container_cpu_cfs_throttled_seconds_total: 2.5,
      container_memory_usage_bytes: 10_000,
      container_memory_working_set_bytes: 5_000,
      container_memory_rss: 8_192,
      container_memory_cache: 4_096,
      container_memory_mapped_file: 512,
      container_memory_swap: 0,
      container_memory_max_usage_bytes: 10_001,
      container_memory_failcnt: 3,
      container_fs_usage_bytes: 777,
      container_fs_limit_bytes: expect.any(Number),
      container_fs_inodes_total: expect.any(Number),
      container_fs_inodes_free: expect.any(Number),
      container_processes: 0,
      container_spec_cpu_period: 100_000,
      container_spec_cpu_quota: 50_000,
      container_spec_cpu_shares: expect.any(Number),
      container_spec_memory_limit_bytes: 20_000,
      container_start_time_seconds: (STARTED_MS + 500) / 1000,
      container_last_seen: NOW_MS / 1000,
    });
    expect(Math.abs((value("container_spec_cpu_shares") ?? 0) - 102)).toBeLessThan(27); // weights are coarser
    const link = { namespace: "shop", pod: "web", container: "", interface: "eth0" };
    expect(one(all, "container_network_receive_bytes_total", link)?.value).toBe(300);
    expect(one(all, "container_network_transmit_bytes_total", link)).toMatchObject({
      value: 400,
      labels: { image: "pause:1", name: id("sandbox-web"), id: `${POD}/${id("sandbox-web")}` },
    });
    expect(named(all, "container_network_transmit_bytes_total")).toHaveLength(2);
    const pod = { id: POD, container: "", image: "", pod: "web" };
    expect(value("container_cpu_usage_seconds_total", pod)).toBe(5);
    expect(value("container_spec_memory_limit_bytes", pod)).toBe(0);
    expect(one(all, "container_cpu_cfs_periods_total", pod)).toBeUndefined();
    expect(value("container_cpu_usage_seconds_total", { id: "/" })).toBe(9);
    expect(value("machine_cpu_cores", {})).toBe(2);
    expect(value("machine_memory_bytes", {})).toBe(1_048_576 * 1024);
  });

  it("takes from cgroups what the runtime does not tell", async () => {
    node = fakeNode({ cgroup });
    node.cri = { ...web(), listContainerStats: () => Promise.reject(new Error("broken")) };
    const all = await points(node, "metrics/resource");
    expect(one(all, "container_cpu_usage_seconds_total")).toMatchObject({ value: 4, atMs: NOW_MS });
    expect(one(all, "container_memory_working_set_bytes")?.value).toBe(7_000);
    expect(one(all, "resource_scrape_error")?.value).toBe(0);
    expect(node.warnings).toEqual(["container-stats"]);
  });
});

describe("a node's statistics", () => {
  it("finds cgroups that systemd made", async () => {
    const pod = "/long.slice/long-burstable.slice/long-burstable-poduid_web.slice";
    node = fakeNode({
      cgroup: {
        ...v2(pod, PODS),
        ...v2(`${pod}/cri-containerd-${id("web-app")}.scope`, APP),
        "cgroup.controllers": "",
      },
    });
    node.cri = { ...web(), listContainerStats: () => Promise.resolve([]) };
    const cgroups = { dir: join(node.dir, "cgroup"), parent: "/long.slice", driver: "systemd" } as const;
    const all = parseExposition((await node.reader({ cgroups }).read("metrics/resource")).body);
    expect(one(all, "container_cpu_usage_seconds_total")?.value).toBe(4);
    expect(one(all, "pod_memory_working_set_bytes")?.value).toBe(10_000);
  });

  it("counts the processor from /proc where the root cgroup does not", async () => {
    node = fakeNode({ cgroup: {} });
    const all = await points(node, "metrics/resource");
    expect(one(all, "node_cpu_usage_seconds_total")?.value).toBe((100 + 50 + 3 + 2) / 100);
  });

  it("has no network for a pod on the node's own", async () => {
    const own = { ...PAUSE, pids: [72] };
    node = fakeNode({ cgroup: { ...SPLIT.cgroup, ...v1(`${POD}/${id("sandbox-web")}`, own) } });
    node.cri = web();
    expect((await summaryPod(node.reader())).network).toBeUndefined();
    expect(node.calls["listPodSandboxStats"]).toBeUndefined();
  });

  it("asks the runtime for pods whose processes it does not see, and sums up where nobody tells", async () => {
    node = fakeNode({ cgroup: {} });
    const count = (value: bigint): { value: bigint } => ({ value });
    const [rxBytes, txBytes] = [count(11n), count(22n)];
    node.cri = {
      ...web(),
      listPodSandboxStats: () =>
        Promise.resolve([
          {
            attributes: { id: id("sandbox-web"), labels: {}, annotations: {} },
            linux: {
              network: {
                timestamp: 0n,
                defaultInterface: { name: "eth0", rxBytes, txBytes },
                interfaces: [{ name: "eth1", rxBytes: txBytes }],
              },
              containers: [],
            },
          },
        ]),
    };
    const pod = await summaryPod(node.reader());
    expect(pod.network).toMatchObject({ name: "eth0", rxBytes: 11, txBytes: 22 });
    expect(pod.network?.interfaces).toHaveLength(2);
    expect(pod.cpu.usageCoreNanoSeconds).toBe(4_000_000_000);
    expect(pod.memory.workingSetBytes).toBe(5_000);
  });

  it("asks a runtime that keeps none for sandboxes only now and then", async () => {
    node = fakeNode({ cgroup: {} });
    const none = new CriError("UNIMPLEMENTED", "ListPodSandboxStats", "unknown method");
    node.cri = { ...web(), listPodSandboxStats: () => Promise.reject(none) };
    const reader = node.reader();
    for (let i = 0; i < 3; i++) {
      await reader.read("stats/summary");
      await node.clock.advance(2_000);
    }
    expect(node.calls["listPodSandboxStats"]).toBe(1);
    expect(node.warnings).toEqual([]);
    await node.clock.advance(300_000);
    await reader.read("stats/summary");
    expect(node.calls["listPodSandboxStats"]).toBe(2);
  });

  it("tells usage of late from two looks, and what the runtime says of it before there are two", async () => {
    node = fakeNode({ cgroup: SPLIT.cgroup });
    const reader = node.reader();
    const told = (cpuMs: number, atMs: number, nanoCores: bigint): FakeNode["cri"] => {
      const { cpu, ...rest } = stats("web", "app", atMs, cpuMs);
      const cpuStats = { timestamp: 0n, ...cpu, usageNanoCores: { value: nanoCores } };
      return { ...web(), listContainerStats: () => Promise.resolve([{ ...rest, cpu: cpuStats }]) };
    };
    const nanoCores = async (): Promise<unknown> =>
      (await summaryPod(reader)).containers[0]?.cpu.usageNanoCores;
    node.cri = told(4_000, NOW_MS, 0n);
    expect(await nanoCores()).toBeUndefined();
    await node.clock.advance(4_000);
    node.cri = told(6_000, NOW_MS + 4_000, 0n);
    expect(await nanoCores()).toBe(500_000_000);
    await node.clock.advance(1_000);
    node.cri = told(6_900, NOW_MS + 4_900, 7n); // too close to say anything new
    expect(await nanoCores()).toBe(500_000_000);
    await node.clock.advance(1_000);
    node.cri = told(10, NOW_MS + 6_000, 42n); // begun anew
    expect(await nanoCores()).toBe(42);
  });

  it("shows each pod and container once, and only what runs", async () => {
    node = fakeNode({ cgroup: {} });
    const older = { createdAt: 1n };
    node.cri = runtimeOf({
      listPodSandbox: () =>
        Promise.resolve([
          sandbox("web"),
          sandbox("web", { ...older, id: "old" }),
          sandbox("gone", { state: PodSandboxState.SANDBOX_NOTREADY }),
        ]),
      listContainers: () =>
        Promise.resolve([
          container("web", "app", { ...older, id: "before" }),
          container("web", "app"),
          container("web", "init", { state: ContainerState.CONTAINER_EXITED }),
        ]),
      listContainerStats: () => Promise.resolve([stats("web", "app", NOW_MS, 1)]),
    });
    const all = await points(node, "metrics");
    expect(one(all, "kubelet_running_pods")?.value).toBe(1);
    expect(one(all, "kubelet_running_containers", { container_state: "running" })?.value).toBe(2);
    expect(one(all, "kubelet_running_containers", { container_state: "exited" })?.value).toBe(1);
    await node.clock.advance(1_000);
    node.registry.clear();
    const resource = await points(node, "metrics/resource");
    expect(named(resource, "container_cpu_usage_seconds_total")).toHaveLength(1);
  });

  it("leaves out a container that ends between two questions, for metrics-server drops pods with such", async () => {
    node = fakeNode({ cgroup: SPLIT.cgroup });
    const both = [container("web", "app"), container("web", "brief")];
    node.cri = { ...web(), listContainers: () => Promise.resolve(both) };
    const all = await points(node, "metrics/resource");
    expect(named(all, "container_start_time_seconds").map((p) => p.labels["container"])).toEqual(["app"]);
  });

  it("writes labels so that they can be read again", async () => {
    node = fakeNode({ cgroup: {} });
    const image = { image: 'a"b\\c\nd', annotations: {}, userSpecifiedImage: "", runtimeHandler: "" };
    node.cri = { ...web(), listContainers: () => Promise.resolve([container("web", "app", { image })]) };
    const all = await points(node, "metrics/cadvisor");
    expect(one(all, "container_start_time_seconds", { container: "app" })?.labels["image"]).toBe('a"b\\c\nd');
  });

  it("serves its own metrics beside the kubelet's, the pods as they are, and no probes", async () => {
    node = fakeNode({ cgroup: {} });
    new Counter({ name: "own_total", help: "h", registers: [node.registry] }).inc(3);
    const reader = node.reader();
    const all = parseExposition((await reader.read("metrics")).body);
    expect(one(all, "own_total")?.value).toBe(3);
    expect(one(all, "kubelet_node_name")).toMatchObject({ labels: { node: "edge-1" }, value: 1 });
    expect(await reader.read("pods")).toEqual({
      contentType: "application/json",
      body: '{"kind":"PodList"}',
    });
    expect((await reader.read("metrics/probes")).body).toBe("");
    expect(await reader.read("healthz")).toEqual({ contentType: "text/plain; charset=utf-8", body: "ok" });
  });
});

describe("a look at the node", () => {
  it("is taken once for all who ask within a second", async () => {
    node = fakeNode({ cgroup: SPLIT.cgroup });
    node.cri = web();
    const reader = node.reader();
    await Promise.all([1, 2, 3].map(() => reader.read("stats/summary")));
    await node.clock.advance(999);
    await reader.read("metrics/resource");
    await reader.read("metrics/cadvisor");
    expect(node.calls["listContainers"]).toBe(1);
    await node.clock.advance(1);
    await reader.read("metrics/resource");
    expect(node.calls["listContainers"]).toBe(2);
  });

  it("takes nothing before it is asked for", async () => {
    node = fakeNode({ cgroup: {} });
    node.reader();
    await node.clock.advance(60_000);
    expect(node.calls).toEqual({});
  });

  it("still shows the node when the runtime does not list what runs, and no summary without pods", async () => {
    node = fakeNode({ cgroup: SPLIT.cgroup });
    node.cri = { ...web(), listContainers: () => Promise.reject(new Error("down")) };
    const reader = node.reader();
    const all = parseExposition((await reader.read("metrics/resource")).body);
    expect(one(all, "node_cpu_usage_seconds_total")?.value).toBe(9);
    expect(one(all, "resource_scrape_error")?.value).toBe(1);
    await expect(reader.read("stats/summary")).rejects.toMatchObject({
      code: "INTERNAL",
      message: "the container runtime does not say what runs: down",
    });
    await node.clock.advance(2_000);
    await reader.read("metrics/resource");
    expect(node.warnings).toEqual(["containers"]);
    const own = parseExposition(await node.registry.metrics());
    expect(one(own, "longshore_edge_stats_errors_total", { part: "containers" })?.value).toBe(3);
  });

  it("goes on without what hangs, and answers within its deadline", async () => {
    node = fakeNode({ cgroup: SPLIT.cgroup });
    const never = (): Promise<never> => new Promise(() => undefined);
    node.cri = { ...web(), listContainerStats: never };
    const answer = node.reader().read("metrics/resource");
    await settle();
    await node.clock.advance(2_000);
    expect(one(parseExposition((await answer).body), "container_cpu_usage_seconds_total")?.value).toBe(4);
  });

  it("gives up at its deadline, and serves the next asker with what came late", async () => {
    node = fakeNode({ cgroup: SPLIT.cgroup });
    node.cri = web();
    const reader = node.reader();
    const answer = expect(reader.read("stats/summary")).rejects.toMatchObject({
      code: "TIMEOUT",
      message: "stats/summary of node edge-1 did not answer within 5000 ms",
    });
    await settle(); // the runtime has answered, the files have not
    await node.clock.advance(5_000);
    await answer;
    await expect(reader.read("stats/summary")).resolves.toMatchObject({ contentType: "application/json" });
    expect(node.calls["listContainers"]).toBe(1);
  });

  it("says why the node is not healthy", async () => {
    node = fakeNode({ cgroup: {} });
    node.cri = runtimeOf({ version: () => Promise.reject(new Error("no connection")) });
    await expect(node.reader().read("healthz")).rejects.toMatchObject({
      code: "INTERNAL",
      message: "the container runtime does not answer: no connection",
    });
  });
});
