// SPDX-License-Identifier: Apache-2.0
import type { Container, PodSandbox, PodSandboxStats } from "@longshore/crds/cri";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { logDir } from "../../pods/identity/index.ts";
import {
  type Cgroups,
  childOf,
  cpuOf,
  filesIn,
  fsOf,
  type Listing,
  memoryOf,
  msOf,
  networkOf,
  type PodCgroup,
  podNetwork,
  readySandboxes,
  runningContainers,
} from "./source/index.ts";
import type {
  CgroupUsage,
  ContainerUsage,
  CpuUsage,
  FsUsage,
  MemoryUsage,
  NetworkUsage,
  PodUsage,
} from "./usage.ts";

/** How much is asked: CPU and memory alone, or everything. */
export type Depth = "resource" | "full";

export interface PodSource {
  readonly procDir: string;
  readonly rootDir: string;
  readonly podLogsDir: string;
  readonly cgroups: Cgroups;
  readonly sandboxStats: () => Promise<ReadonlyMap<string, PodSandboxStats>>;
}

/** What all pods of one look share. */
export interface PodLook {
  readonly source: PodSource;
  readonly listing: Listing;
  readonly depth: Depth;
  readonly atMs: number;
  readonly nowMs: () => number;
  /** filesystem of the writable layers */
  readonly imageFs: FsUsage | undefined;
  /** filesystem of the logs */
  readonly nodeFs: FsUsage | undefined;
}

/** Every pod that has a sandbox. What vanishes meanwhile is left out where it is not known any more. */
export async function readPods(look: PodLook): Promise<readonly PodUsage[]> {
  const containers = bySandbox(runningContainers(look.listing.containers));
  const pods: SeenPod[] = [];
  for (const sandbox of readySandboxes(look.listing.sandboxes)) {
    const atMs = look.nowMs();
    pods.push(await readPod({ ...look, atMs }, sandbox, containers.get(sandbox.id) ?? []));
    await setImmediate(); // others have their turn between the files of two pods
  }
  const isUnseen = pods.some(({ network, usage }) => network === undefined || usage.cpu === undefined);
  const stats = isUnseen ? await look.source.sandboxStats() : new Map<string, PodSandboxStats>();
  return pods.map((pod) => completed(pod, stats.get(pod.identity.sandboxId), look.atMs));
}

type Identity = Pick<PodUsage, "name" | "namespace" | "uid" | "sandboxId" | "createdAtMs" | "cgroup">;

interface SeenPod {
  readonly identity: Identity;
  readonly containers: readonly ContainerUsage[];
  readonly usage: CgroupUsage;
  /** undefined: not seen from here */
  readonly network: NetworkUsage | "host" | "unasked" | undefined;
}

function bySandbox(all: readonly Container[]): ReadonlyMap<string, readonly Container[]> {
  const map = new Map<string, Container[]>();
  for (const container of all) {
    const list = map.get(container.podSandboxId);
    if (list === undefined) map.set(container.podSandboxId, [container]);
    else list.push(container);
  }
  return map;
}

const NOBODY = { name: "", namespace: "", uid: "" };

async function readPod(look: PodLook, sandbox: PodSandbox, list: readonly Container[]): Promise<SeenPod> {
  const { cgroups } = look.source;
  const { name, namespace, uid } = sandbox.metadata ?? NOBODY;
  const found = cgroups.pod(uid);
  const cgroup = found?.path ?? "";
  const identity = {
    ...{ uid, name, namespace, cgroup },
    sandboxId: sandbox.id,
    createdAtMs: msOf(sandbox.createdAt),
  };
  const owner = { identity, cgroup: found };
  const containers = (await Promise.all(list.map((c) => readContainer(look, c, owner)))).filter(isThere);
  const usage = cgroup === "" ? {} : cgroups.usage(cgroup, look.atMs);
  const network = networkSeen(look, childOf(found, sandbox.id));
  return { identity, containers, usage, network };
}

function networkSeen(look: PodLook, cgroup: string): SeenPod["network"] {
  if (look.depth === "resource") return "unasked";
  const { cgroups, procDir } = look.source;
  const pid = cgroup === "" ? undefined : cgroups.process(cgroup);
  return pid === undefined ? undefined : podNetwork(procDir, pid, look.atMs);
}

/** What the pod's own cgroup does not tell comes from the runtime, and else is the sum of the containers. */
function completed(pod: SeenPod, stats: PodSandboxStats | undefined, atMs: number): PodUsage {
  const { usage, network, containers } = pod;
  const told = stats?.linux;
  return {
    ...pod.identity,
    ...usage,
    containers,
    cpu: usage.cpu ?? cpuOf(told?.cpu, atMs) ?? sumOfCpu(containers),
    memory: withRoom(
      usage.memory ?? memoryOf(told?.memory, undefined, atMs) ?? sumOfMemory(containers),
      usage,
    ),
    network: typeof network === "string" ? undefined : (network ?? networkOf(stats, atMs)),
  };
}

function sumOfCpu(containers: readonly ContainerUsage[]): CpuUsage | undefined {
  const all = containers.flatMap(({ cpu }) => cpu ?? []);
  const [first] = all;
  return first && { atMs: first.atMs, usageNs: all.reduce((sum, { usageNs }) => sum + usageNs, 0) };
}

function sumOfMemory(containers: readonly ContainerUsage[]): MemoryUsage | undefined {
  const all = containers.flatMap(({ memory }) => memory ?? []);
  const [first] = all;
  const sum = (pick: (memory: MemoryUsage) => number | undefined): number =>
    all.reduce((total, memory) => total + (pick(memory) ?? 0), 0);
  return first && { atMs: first.atMs, workingSetBytes: sum((memory) => memory.workingSetBytes) };
}

/** Memory with what is left below its limit, where there is one. */
function withRoom(memory: MemoryUsage | undefined, { bounds }: CgroupUsage): MemoryUsage | undefined {
  const limit = bounds?.memoryBytes ?? 0;
  if (memory?.workingSetBytes === undefined || limit === 0) return memory;
  return { ...memory, availableBytes: Math.max(0, limit - memory.workingSetBytes) };
}

/** One that has ended since it was listed has no cgroup any more, and the runtime has no figures of it. */
const isThere = ({ cpu, memory }: ContainerUsage): boolean => cpu !== undefined || memory !== undefined;

interface Owner {
  readonly identity: Identity;
  readonly cgroup: PodCgroup | undefined;
}

async function readContainer(look: PodLook, container: Container, owner: Owner): Promise<ContainerUsage> {
  const stats = look.listing.stats.get(container.id);
  const told = {
    cpu: cpuOf(stats?.cpu, look.atMs),
    memory: memoryOf(stats?.memory, stats?.swap, look.atMs),
  };
  const name = container.metadata?.name ?? "";
  const cgroup = childOf(owner.cgroup, container.id);
  const seen = filesOf(look, cgroup, told);
  return {
    ...seen,
    ...{ id: container.id, name, image: imageOf(container), cgroup },
    createdAtMs: msOf(container.createdAt),
    cpu: merged(seen.cpu, told.cpu),
    memory: withRoom(merged(seen.memory, told.memory), seen),
    rootFs: fsOf(stats?.writableLayer, look.imageFs),
    logs: await logsOf(look, owner.identity, name),
  };
}

/** As the pod asked for it, where the runtime still knows. */
const imageOf = ({ image, imageRef }: Container): string =>
  [image?.userSpecifiedImage, image?.image].find(Boolean) ?? imageRef;

/** The files of a container's cgroup, when they are wanted or the runtime did not say enough. */
function filesOf(look: PodLook, cgroup: string, told: CgroupUsage): CgroupUsage {
  const isTold = told.cpu !== undefined && told.memory !== undefined;
  if (cgroup === "" || (isTold && look.depth === "resource")) return {};
  return look.source.cgroups.usage(cgroup, look.atMs);
}

/** What the runtime says goes before what the files say: its pairs of time and value belong together. */
function merged<T extends object>(files: T | undefined, runtime: T | undefined): T | undefined {
  if (files === undefined || runtime === undefined) return runtime ?? files;
  const told = Object.entries(runtime).filter(([, value]) => value !== undefined);
  return { ...files, ...(Object.fromEntries(told) as Partial<T>) };
}

async function logsOf(look: PodLook, pod: Identity, container: string): Promise<FsUsage | undefined> {
  if (look.depth === "resource") return undefined;
  const files = await filesIn(join(logDir(look.source, pod), container));
  return files && { ...look.nodeFs, atMs: look.atMs, usedBytes: files.bytes, inodesUsed: files.count };
}
