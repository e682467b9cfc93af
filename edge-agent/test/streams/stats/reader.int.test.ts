// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { NamespaceMode } from "@longshore/crds/cri";
import { join } from "node:path";
import { Registry } from "prom-client";
import { systemClock } from "../../../src/clock.ts";
import { createCri, type Cri } from "../../../src/cri/index.ts";
import { podCgroup, removePodCgroup } from "../../../src/pods/resources/index.ts";
import { createNodeReader, type NodeReader } from "../../../src/streams/stats/index.ts";
import { startContainerd, type OwnContainerd } from "../../pods/containerd.ts";
import { silent } from "../../pods/fakes.ts";
import { parseExposition, type Point } from "./exposition.ts";

const PARENT = `/lstats${process.pid}`;
const MIB = 1024 * 1024;
let containerd: OwnContainerd;
let cri: Cri;

beforeAll(async () => {
  containerd = await startContainerd();
  cri = createCri({ endpoint: containerd.endpoint });
}, 60_000);

afterAll(async () => {
  cri.close();
  await containerd.stop();
  await removePodCgroup(PARENT);
}, 60_000);

async function remove(sandboxId: string): Promise<void> {
  await cri.stopPodSandbox(sandboxId);
  await cri.removePodSandbox(sandboxId);
}

afterEach(async () => {
  for (const { id } of await cri.listPodSandbox()) await remove(id);
});

const readerOf = (): NodeReader =>
  createNodeReader({
    cri,
    nodeName: "edge-1",
    paths: { rootDir: containerd.dir, podLogsDir: join(containerd.dir, "logs") },
    cgroups: { parent: PARENT, driver: "cgroupfs" },
    podsJson: () => "{}",
    registry: new Registry(),
    log: silent,
  });

/** Runs a pod of one container with a shell script in it. Returns the id of the sandbox. */
async function run(pod: string, script: string, network: NamespaceMode): Promise<string> {
  const uid = `uid-${pod}`;
  const sandbox = {
    metadata: { name: pod, namespace: "default", uid, attempt: 0 },
    logDirectory: join(containerd.dir, "logs", `default_${pod}_${uid}`),
    linux: {
      cgroupParent: podCgroup(PARENT, "cgroupfs", uid, "Burstable"),
      securityContext: { namespaceOptions: { network } },
    },
  };
  const sandboxId = await cri.runPodSandbox(sandbox, "");
  const config = {
    metadata: { name: "app", attempt: 0 },
    image: { image: "localhost/busybox:dev" },
    command: ["sh", "-c", script],
    logPath: "app/0.log",
    linux: {
      resources: { memoryLimitInBytes: BigInt(64 * MIB), cpuQuota: 50_000n, cpuPeriod: 100_000n },
      securityContext: { namespaceOptions: { network } },
    },
  };
  await cri.startContainer(await cri.createContainer(sandboxId, config, sandbox));
  return sandboxId;
}

const of = (
  points: readonly Point[],
  name: string,
  labels: Record<string, string> = {},
): number | undefined =>
  points.find((p) => p.name === name && Object.entries(labels).every(([k, v]) => p.labels[k] === v))?.value;

interface Summary {
  readonly node: { readonly cpu: { readonly usageNanoCores?: number } };
  readonly pods: readonly {
    readonly podRef: { readonly name: string };
    readonly containers: readonly { readonly cpu: { readonly usageNanoCores?: number } }[];
  }[];
}

const exposed = async (reader: NodeReader, what: "metrics" | "metrics/resource" | "metrics/cadvisor") =>
  parseExposition((await reader.read(what)).body);

const within = (value: number | undefined, least: number, most: number): void => {
  expect(value).toBeGreaterThanOrEqual(least);
  expect(value).toBeLessThanOrEqual(most);
};

const APP = { container: "app", pod: "busy", namespace: "default" };

/** A quota of half a core, on a machine that may be busy with other things. */
function expectGrowth(first: readonly Point[], second: readonly Point[], elapsedSeconds: number): void {
  const grown = (name: string, labels: Record<string, string>): number =>
    (of(second, name, labels) ?? NaN) - (of(first, name, labels) ?? NaN);
  const [least, most] = [0.1 * elapsedSeconds, 0.6 * elapsedSeconds + 0.2];
  within(grown("container_cpu_usage_seconds_total", APP), least, most);
  within(grown("pod_cpu_usage_seconds_total", { pod: "busy" }), least, most);
  within(grown("container_cpu_usage_seconds_total", { pod: "idle" }), 0, 0.2);
  expect(grown("node_cpu_usage_seconds_total", {})).toBeGreaterThan(least);
}

function expectBoards(points: readonly Point[]): void {
  expect(of(points, "container_spec_memory_limit_bytes", APP)).toBe(64 * MIB);
  expect(of(points, "container_spec_cpu_quota", APP)).toBe(50_000);
  // How often it was throttled is the machine's matter: on a busy one never.
  const periods = of(points, "container_cpu_cfs_periods_total", APP);
  expect(periods).toBeGreaterThan(0);
  within(of(points, "container_cpu_cfs_throttled_periods_total", APP), 0, periods ?? 0);
  within(of(points, "container_memory_rss", APP), 4_096, 64 * MIB);
  const received = "container_network_receive_bytes_total";
  within(of(points, received, { pod: "busy", interface: "eth0" }), 0, 64 * MIB);
  expect(of(points, received, { pod: "idle" })).toBeUndefined(); // it is on the node's own network
}

function expectSummary(summary: Summary): void {
  expect(summary.pods.map(({ podRef }) => podRef.name).sort()).toEqual(["busy", "idle"]);
  const pod = summary.pods.find(({ podRef }) => podRef.name === "busy");
  const container = pod?.containers[0];
  within(container?.cpu.usageNanoCores, 0.1e9, 0.7e9);
  expect(container).toMatchObject({
    logs: { usedBytes: expect.any(Number), inodesUsed: 1 },
    rootfs: { usedBytes: expect.any(Number), capacityBytes: expect.any(Number) },
  });
  expect(pod).toMatchObject({ network: { name: "eth0" }, process_stats: { process_count: 2 } });
  expect(summary.node.cpu.usageNanoCores).toBeGreaterThan(0);
}

describe("statistics of pods on a real containerd", () => {
  it("grow for a busy container, are plausible for memory, and follow the pod until it is gone", async () => {
    const sandboxes = await Promise.all([
      run("busy", "echo hello; while :; do :; done", NamespaceMode.POD),
      run("idle", "exec sleep 3600", NamespaceMode.NODE),
    ]);
    const reader = readerOf();
    const first = await exposed(reader, "metrics/resource");
    const startedAtMs = Date.now();
    await new Promise<void>((resolve) => void systemClock.schedule(2_500, resolve));
    const second = await exposed(reader, "metrics/resource");
    expectGrowth(first, second, (Date.now() - startedAtMs) / 1000);
    within(of(second, "container_memory_working_set_bytes", APP), 4_096, 64 * MIB);
    within(of(second, "pod_memory_working_set_bytes", { pod: "busy" }), 4_096, 64 * MIB);
    within(of(second, "container_start_time_seconds", APP), startedAtMs / 1000 - 60, startedAtMs / 1000);
    expect(of(second, "resource_scrape_error")).toBe(0);
    expectBoards(await exposed(reader, "metrics/cadvisor"));
    expectSummary(JSON.parse((await reader.read("stats/summary")).body) as Summary);
    expect((await reader.read("healthz")).body).toBe("ok");

    await remove(sandboxes[0]);
    const left = await exposed(readerOf(), "metrics/resource");
    expect([...new Set(left.map((p) => p.labels["pod"]).filter(Boolean))]).toEqual(["idle"]);
  }, 60_000);

  it("tells when the runtime is away, and is right again when it is back", async () => {
    await run("stays", "exec sleep 3600", NamespaceMode.NODE);
    const reader = readerOf();
    await containerd.kill();
    await expect(reader.read("healthz")).rejects.toMatchObject({ code: "INTERNAL" });
    expect(of(await exposed(reader, "metrics/resource"), "resource_scrape_error")).toBe(1);
    await containerd.start();
    const deadline = Date.now() + 10_000;
    let pods: number | undefined;
    while (pods !== 1 && Date.now() < deadline)
      pods = of(await exposed(readerOf(), "metrics"), "kubelet_running_pods");
    expect(pods).toBe(1);
  }, 60_000);
});
