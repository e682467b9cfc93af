// SPDX-License-Identifier: Apache-2.0
import type {
  ContainerUsage,
  CpuUsage,
  FsUsage,
  InterfaceUsage,
  MemoryUsage,
  NetworkUsage,
  NodeUsage,
  PodUsage,
} from "../usage.ts";

type Json = Record<string, unknown>;

/** Kubernetes writes times to the second. */
const time = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, 19)}Z`;

const cpu = (used: CpuUsage | undefined): Json | undefined =>
  used && { time: time(used.atMs), usageNanoCores: used.nanoCores, usageCoreNanoSeconds: used.usageNs };

const memory = (used: MemoryUsage | undefined): Json | undefined =>
  used && {
    time: time(used.atMs),
    availableBytes: used.availableBytes,
    usageBytes: used.usageBytes,
    workingSetBytes: used.workingSetBytes,
    rssBytes: used.rssBytes,
    pageFaults: used.pageFaults,
    majorPageFaults: used.majorPageFaults,
  };

const fs = (used: FsUsage | undefined): Json | undefined =>
  used && {
    time: time(used.atMs),
    availableBytes: used.availableBytes,
    capacityBytes: used.capacityBytes,
    usedBytes: used.usedBytes,
    inodesFree: used.inodesFree,
    inodes: used.inodes,
    inodesUsed: used.inodesUsed,
  };

const interfaceOf = ({ name, rx, tx }: InterfaceUsage): Json => ({
  name,
  rxBytes: rx.bytes,
  rxErrors: rx.errors,
  txBytes: tx.bytes,
  txErrors: tx.errors,
});

function network(used: NetworkUsage | undefined): Json | undefined {
  if (used === undefined) return undefined;
  const main = used.interfaces.find(({ name }) => name === used.main);
  return {
    time: time(used.atMs),
    name: used.main,
    ...(main && interfaceOf(main)),
    interfaces: used.interfaces.map(interfaceOf),
  };
}

const container = (used: ContainerUsage): Json => ({
  name: used.name,
  startTime: time(used.createdAtMs),
  cpu: cpu(used.cpu),
  memory: memory(used.memory),
  rootfs: fs(used.rootFs),
  logs: fs(used.logs),
});

/** What the containers of a pod have written: their layers and their logs. */
function ephemeral(pod: PodUsage, nodeFs: FsUsage | undefined): FsUsage | undefined {
  const parts = pod.containers.flatMap(({ rootFs, logs }) => [rootFs, logs]).filter((p) => p !== undefined);
  const sum = (pick: (part: FsUsage) => number | undefined): number =>
    parts.reduce((total, part) => total + (pick(part) ?? 0), 0);
  return nodeFs && { ...nodeFs, usedBytes: sum((p) => p.usedBytes), inodesUsed: sum((p) => p.inodesUsed) };
}

const podOf = (pod: PodUsage, nodeFs: FsUsage | undefined): Json => ({
  podRef: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
  startTime: time(pod.createdAtMs),
  containers: pod.containers.map(container),
  cpu: cpu(pod.cpu),
  memory: memory(pod.memory),
  network: network(pod.network),
  "ephemeral-storage": fs(ephemeral(pod, nodeFs)),
  process_stats: pod.processes === undefined ? undefined : { process_count: pod.processes },
});

/**
 * The kubelet's summary of a node.
 *
 * @see k8s.io/kubelet/pkg/apis/stats/v1alpha1 (names of fields)
 */
export function summaryOf(nodeName: string, { machine, pods, atMs }: NodeUsage): Json {
  return {
    node: {
      nodeName,
      startTime: time(machine.bootedAtMs),
      cpu: cpu(machine.cpu),
      memory: memory(machine.memory),
      network: network(machine.network),
      fs: fs(machine.fs),
      runtime: { imageFs: fs(machine.imageFs) },
      rlimit: { time: time(atMs), maxpid: machine.maxProcesses, curproc: machine.processes },
    },
    pods: pods.map((pod) => podOf(pod, machine.fs)),
  };
}
