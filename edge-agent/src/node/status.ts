// SPDX-License-Identifier: Apache-2.0
import type { MachineFacts, MachineState } from "./facts.ts";
import { KUBELET_VERSION } from "./version.ts";

/** A condition as the API holds it. */
export interface NodeCondition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  readonly lastHeartbeatTime: string;
  readonly lastTransitionTime: string;
}

/** `status` of a Node, as far as this agent owns it. */
export interface NodeStatus {
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly conditions: readonly NodeCondition[];
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
  readonly daemonEndpoints: { readonly kubeletEndpoint: { readonly Port: number } };
  readonly nodeInfo: Readonly<Record<string, string>>;
}

/** Everything that a status is computed from. */
export interface StatusInput {
  readonly name: string;
  readonly maxPods: number;
  readonly facts: MachineFacts;
  readonly state: MachineState;
  /** `containerd://1.6.20`; "" while unknown */
  readonly runtimeVersion: string;
  readonly runtimeHealthy: boolean;
  readonly nowMs: number;
  /** What the cloud or the last computation said, for the transition times. */
  readonly previous: readonly NodeCondition[];
}

const MI = 1024 * 1024;
/** Kubelet's default hard eviction thresholds: what they hold back is not allocatable, and below them is pressure. */
const RESERVED_MEMORY_BYTES = 100 * MI;
const RESERVED_DISK_SHARE = 0.1;
const RESERVED_INODES_SHARE = 0.05;
/** KubeEdge's port of the kubelet API, on the loopback interface. */
const KUBELET_PORT = 10350;

/** The whole status of this node. Pure. */
export function nodeStatus(input: StatusInput): NodeStatus {
  const { facts, state } = input;
  return {
    ...resources(input),
    conditions: conditions(input),
    addresses: [
      { type: "InternalIP", address: state.ip },
      { type: "Hostname", address: input.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: KUBELET_PORT } },
    nodeInfo: {
      machineID: facts.machineId,
      systemUUID: facts.systemUuid,
      bootID: facts.bootId,
      kernelVersion: facts.kernelVersion,
      osImage: facts.osImage,
      containerRuntimeVersion: input.runtimeVersion,
      kubeletVersion: KUBELET_VERSION,
      kubeProxyVersion: "",
      operatingSystem: "linux",
      architecture: facts.architecture,
    },
  };
}

function resources({ facts, state, maxPods }: StatusInput): Pick<NodeStatus, "capacity" | "allocatable"> {
  const hugepages = Object.entries(facts.hugepages).map(([kib, bytes]) => [
    hugepagesName(Number(kib)),
    `${bytes}`,
  ]);
  const fixed = {
    cpu: `${facts.cpus}`,
    pods: `${maxPods}`,
    ...(Object.fromEntries(hugepages) as Record<string, string>),
  };
  const { memoryBytes, diskBytes } = allocatable(facts.memoryBytes, state.disk.bytes);
  return {
    capacity: { ...fixed, memory: inKi(facts.memoryBytes), "ephemeral-storage": inKi(state.disk.bytes) },
    allocatable: {
      ...fixed,
      memory: inKi(memoryBytes),
      "ephemeral-storage": `${diskBytes}`,
    },
  };
}

/** What eviction leaves of a machine's memory and disk for pods. Pure. */
export function allocatable(
  memoryBytes: number,
  diskBytes: number,
): { readonly memoryBytes: number; readonly diskBytes: number } {
  return {
    memoryBytes: Math.max(0, memoryBytes - RESERVED_MEMORY_BYTES),
    diskBytes: Math.floor(diskBytes * (1 - RESERVED_DISK_SHARE)),
  };
}

const inKi = (bytes: number): string => `${Math.floor(bytes / 1024)}Ki`;

function hugepagesName(kib: number): string {
  return kib >= 1024 * 1024
    ? `hugepages-${kib / 1024 / 1024}Gi`
    : kib >= 1024
      ? `hugepages-${kib / 1024}Mi`
      : `hugepages-${kib}Ki`;
}

type Finding = Pick<NodeCondition, "type" | "status" | "reason" | "message">;

function findings({ state, runtimeHealthy }: StatusInput): Finding[] {
  const { disk, memoryAvailableBytes } = state;
  const memory = memoryAvailableBytes < RESERVED_MEMORY_BYTES;
  const space = disk.availableBytes < disk.bytes * RESERVED_DISK_SHARE;
  const inodes = disk.inodes > 0 && disk.inodesFree < disk.inodes * RESERVED_INODES_SHARE;
  return [
    pressure(
      "MemoryPressure",
      memory,
      ["KubeletHasSufficientMemory", "KubeletHasInsufficientMemory"],
      "memory available",
    ),
    pressure(
      "DiskPressure",
      space || inodes,
      ["KubeletHasNoDiskPressure", "KubeletHasDiskPressure"],
      "disk space",
    ),
    pressure("PIDPressure", false, ["KubeletHasSufficientPID", "KubeletHasInsufficientPID"], "PID available"),
    runtimeHealthy
      ? { type: "Ready", status: "True", reason: "EdgeReady", message: "edge is posting ready status" }
      : { type: "Ready", status: "False", reason: "KubeletNotReady", message: "container runtime is down" },
  ];
}

function pressure(
  type: string,
  isPressed: boolean,
  reasons: [fine: string, pressed: string],
  what: string,
): Finding {
  return isPressed
    ? { type, status: "True", reason: reasons[1], message: `edge has insufficient ${what}` }
    : { type, status: "False", reason: reasons[0], message: `edge has sufficient ${what}` };
}

/** RFC 3339 to the second, as Kubernetes writes it. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function conditions(input: StatusInput): NodeCondition[] {
  const now = timestamp(input.nowMs);
  return findings(input).map((finding) => {
    const before = input.previous.find(({ type }) => type === finding.type);
    const isSame = before?.status === finding.status;
    return {
      ...finding,
      lastHeartbeatTime: now,
      lastTransitionTime: isSame ? before.lastTransitionTime : now,
    };
  });
}

/** True when anything but the heartbeat times differs. */
export function differs(a: NodeStatus, b: NodeStatus): boolean {
  return JSON.stringify(withoutHeartbeats(a)) !== JSON.stringify(withoutHeartbeats(b));
}

function withoutHeartbeats(status: NodeStatus): unknown {
  return {
    ...status,
    conditions: status.conditions.map((condition) => ({ ...condition, lastHeartbeatTime: "" })),
  };
}

/**
 * The strategic merge patch for the status subresource. Conditions merge by type, so those of others stay; the
 * addresses are replaced, or an old one would stay for ever.
 */
export function statusPatch(status: NodeStatus): string {
  return JSON.stringify({ status: { ...status, addresses: [...status.addresses, { $patch: "replace" }] } });
}

/** Conditions of a Node object as the cloud has it. */
export function conditionsOf(node: unknown): NodeCondition[] {
  const list = (node as { status?: { conditions?: unknown } } | undefined)?.status?.conditions;
  return Array.isArray(list) ? (list as NodeCondition[]) : [];
}
