// SPDX-License-Identifier: Apache-2.0
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { countersIn, fsAt, numberIn, textOf } from "./files.ts";
import type { Cgroups } from "./cgroups.ts";
import { nodeNetwork } from "./network.ts";
import type { CpuUsage, MachineUsage, MemoryUsage } from "../usage.ts";

export interface MachineSource {
  readonly procDir: string;
  /** whose filesystem is the node's */
  readonly rootDir: string;
  readonly cgroups: Cgroups;
}

/** Length of a tick in /proc/stat: USER_HZ is 100 on every Linux that Node runs on. */
const NS_A_TICK = 10_000_000;
const KIB = 1024;

/** What the machine as a whole uses, but for the filesystem of images, which the runtime knows. */
export async function readMachine(source: MachineSource, atMs: number): Promise<MachineUsage> {
  const proc = (name: string): string => textOf(join(source.procDir, name)) ?? "";
  const [stat, meminfo] = [proc("stat"), countersIn(proc("meminfo"))];
  return {
    ...hardwareIn(stat, meminfo),
    cpu: source.cgroups.usage("/", atMs).cpu ?? cpuIn(stat, atMs),
    memory: memoryIn(meminfo, countersIn(proc("vmstat")), atMs),
    network: nodeNetwork(proc("net/dev"), routeOut(proc("net/route")), atMs),
    fs: await fsAt(source.rootDir, atMs),
    maxProcesses: numberIn(proc("sys/kernel/pid_max")),
    processes: numberIn(/ \d+\/(\d+) /.exec(proc("loadavg"))?.[1]),
  };
}

const hardwareIn = (
  stat: string,
  info: Counters,
): Pick<MachineUsage, "bootedAtMs" | "cores" | "memoryBytes"> => ({
  bootedAtMs: Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1000,
  cores: stat.match(/^cpu\d+ /gm)?.length ?? availableParallelism(),
  memoryBytes: (info.get("MemTotal") ?? 0) * KIB,
});

/** Time in which the processors did something: not idle, not waiting for disks, not taken by a hypervisor. */
function cpuIn(stat: string, atMs: number): CpuUsage | undefined {
  const line = /^cpu +(.*)$/m.exec(stat)?.[1];
  if (line === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(" ").map(Number);
  const userNs = (user + nice) * NS_A_TICK;
  const systemNs = (system + irq + softirq) * NS_A_TICK;
  return { atMs, usageNs: userNs + systemNs, userNs, systemNs };
}

type Counters = ReadonlyMap<string, number>;

function memoryIn(info: Counters, vm: Counters, atMs: number): MemoryUsage | undefined {
  const bytes = (name: string): number => (info.get(name) ?? 0) * KIB;
  if (!info.has("MemTotal")) return undefined;
  const usageBytes = bytes("MemTotal") - bytes("MemFree");
  const workingSetBytes = Math.max(0, usageBytes - bytes("Inactive(file)"));
  return {
    atMs,
    usageBytes,
    workingSetBytes,
    availableBytes: bytes("MemTotal") - workingSetBytes,
    rssBytes: bytes("AnonPages"),
    cacheBytes: bytes("Cached"),
    mappedFileBytes: bytes("Mapped"),
    swapBytes: Math.max(0, bytes("SwapTotal") - bytes("SwapFree")),
    pageFaults: vm.get("pgfault"),
    majorPageFaults: vm.get("pgmajfault"),
  };
}

const ANYWHERE = "00000000";

/** Interface of the first route to anywhere in /proc/net/route; "" when there is none. */
const routeOut = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.split(/\s+/))
    .find(([, destination]) => destination === ANYWHERE)?.[0] ?? "";
