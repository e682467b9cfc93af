// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { readdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PodLimits, QosClass } from "./limits.ts";

/** Who makes cgroups: the runtime itself, or systemd. */
export type CgroupDriver = "cgroupfs" | "systemd";

const ROOT = "/sys/fs/cgroup";
const escapeSlice = (part: string): string => part.replaceAll("-", "_");

/** Parent cgroup of one pod, in the driver's own notation. Always below our own parent. */
export function podCgroup(parent: string, driver: CgroupDriver, uid: string, qos: QosClass): string {
  const tier = qos === "Guaranteed" ? [] : [qos.toLowerCase()];
  const parts = [...parent.split("/").filter(Boolean), ...tier, `pod${uid}`];
  if (driver === "cgroupfs") return `/${parts.join("/")}`;
  const escaped = parts.map((part) => escapeSlice(part.replace(/\.slice$/, "")));
  return `/${escaped.map((_, i) => `${escaped.slice(0, i + 1).join("-")}.slice`).join("/")}`;
}

/** True where the machine has the unified hierarchy. */
export const isUnified = (root = ROOT): boolean => existsSync(join(root, "cgroup.controllers"));

async function controllerRoots(root: string): Promise<string[]> {
  if (isUnified(root)) return [root];
  return (await readdir(root)).map((name) => join(root, name));
}

async function removeTree(dir: string): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(dir, entry.name));
  // EBUSY: something still runs in it; the next pass finds it again
  await rmdir(dir).catch(() => undefined);
}

/** Removes the empty cgroups of a pod in every hierarchy. What still holds a process stays. */
export async function removePodCgroup(cgroup: string, root = ROOT): Promise<void> {
  for (const base of await controllerRoots(root)) {
    const dir = join(base, cgroup);
    if (existsSync(dir)) await removeTree(dir);
  }
}

const weightOf = (shares: number): number => 1 + Math.floor(((shares - 2) * 9999) / 262_142);

function settings(
  limits: PodLimits,
  unified: boolean,
): readonly (readonly [controller: string, file: string, value: string])[] {
  const quota = limits.cpuQuotaUs > 0 ? String(limits.cpuQuotaUs) : undefined;
  const memory = limits.memoryBytes > 0 ? String(limits.memoryBytes) : undefined;
  if (unified) {
    return [
      ["", "cpu.weight", String(weightOf(limits.cpuShares))],
      ...(quota === undefined ? [] : ([["", "cpu.max", `${quota} 100000`]] as const)),
      ...(memory === undefined ? [] : ([["", "memory.max", memory]] as const)),
    ];
  }
  return [
    ["cpu", "cpu.shares", String(limits.cpuShares)],
    ...(quota === undefined ? [] : ([["cpu", "cpu.cfs_quota_us", quota]] as const)),
    ...(memory === undefined ? [] : ([["memory", "memory.limit_in_bytes", memory]] as const)),
  ];
}

/** Bounds the pod as a whole, once the runtime has made its cgroup. Returns the files that refused. */
export async function limitPodCgroup(
  cgroup: string,
  limits: PodLimits,
  root = ROOT,
): Promise<readonly string[]> {
  const refused: string[] = [];
  for (const [controller, file, value] of settings(limits, isUnified(root))) {
    const path = join(root, controller, cgroup, file);
    await writeFile(path, value).catch(() => refused.push(path));
  }
  return refused;
}
