// SPDX-License-Identifier: Apache-2.0
import type { Family, Sample } from "./exposition.ts";
import type { CpuUsage, MemoryUsage, NodeUsage } from "../usage.ts";

interface Subject {
  readonly labels: Readonly<Record<string, string>>;
  readonly cpu?: CpuUsage | undefined;
  readonly memory?: MemoryUsage | undefined;
  readonly createdAtMs?: number;
}

const NS = 1e9;

const cpu = ({ labels, cpu: used }: Subject): readonly Sample[] =>
  used === undefined ? [] : [{ labels, value: used.usageNs / NS, atMs: used.atMs }];

const memory =
  (pick: (memory: MemoryUsage) => number | undefined) =>
  ({ labels, memory: used }: Subject): readonly Sample[] => {
    const value = used && pick(used);
    return used === undefined || value === undefined ? [] : [{ labels, value, atMs: used.atMs }];
  };

const workingSet = memory((used) => used.workingSetBytes);
const swap = memory((used) => used.swapBytes);

const family = (name: string, type: Family["type"], help: string, samples: readonly Sample[]): Family => ({
  name,
  type,
  help,
  samples,
});

/**
 * What metrics-server reads: CPU time and working set of the node, its containers and pods. Names, labels and
 * timestamps are the kubelet's, and so is that one bad container does not show in `resource_scrape_error`.
 */
export function resourceFamilies(node: NodeUsage): readonly Family[] {
  const whole: readonly Subject[] = [{ labels: {}, cpu: node.machine.cpu, memory: node.machine.memory }];
  const pods = node.pods.map((pod): Subject => ({
    ...pod,
    labels: { namespace: pod.namespace, pod: pod.name },
  }));
  const containers = node.pods.flatMap((pod) =>
    pod.containers.map((c): Subject & { createdAtMs: number } => ({
      ...c,
      labels: { container: c.name, namespace: pod.namespace, pod: pod.name },
    })),
  );
  const started = containers
    .filter(({ createdAtMs }) => createdAtMs > 0)
    .map(({ labels, createdAtMs }) => ({ labels, value: createdAtMs / 1000 }));
  return [
    family(
      "container_cpu_usage_seconds_total",
      "counter",
      "CPU time of a container.",
      containers.flatMap(cpu),
    ),
    family(
      "container_memory_working_set_bytes",
      "gauge",
      "Working set of a container.",
      containers.flatMap(workingSet),
    ),
    family("container_start_time_seconds", "gauge", "When a container was made, since the epoch.", started),
    family("container_swap_usage_bytes", "gauge", "Swap that a container uses.", containers.flatMap(swap)),
    family("node_cpu_usage_seconds_total", "counter", "CPU time of the node.", whole.flatMap(cpu)),
    family("node_memory_working_set_bytes", "gauge", "Working set of the node.", whole.flatMap(workingSet)),
    family("node_swap_usage_bytes", "gauge", "Swap that the node uses.", whole.flatMap(swap)),
    family("pod_cpu_usage_seconds_total", "counter", "CPU time of a pod.", pods.flatMap(cpu)),
    family("pod_memory_working_set_bytes", "gauge", "Working set of a pod.", pods.flatMap(workingSet)),
    family("pod_swap_usage_bytes", "gauge", "Swap that a pod uses.", pods.flatMap(swap)),
    family("resource_scrape_error", "gauge", "1 when the container runtime did not say what runs, else 0.", [
      { labels: {}, value: node.fault === undefined ? 0 : 1 },
    ]),
  ];
}
