// SPDX-License-Identifier: Apache-2.0
import { cpus, freemem, totalmem } from "node:os";
import type { StatsFs } from "node:fs";
import { statfs } from "node:fs/promises";
import type { Clock } from "../clock.ts";

/** Shares of this machine that are in use, from 0 to 1. */
export interface UsageProbe {
  /** Of all processors, over some time. */
  cpu(): Promise<number>;
  mem(): number;
  /** Of the file system that `path` is on, or will be. */
  disk(path: string): Promise<number>;
}

/** @returns what speaks against the task, for people; nothing when the items pass */
export type CheckItems = (items: readonly string[]) => Promise<readonly string[]>;

/** KubeEdge's bound of each. */
export const MAX_USAGE = 0.8;

/** @param folders where tasks write, beside the root */
export function createCheckItems(probe: UsageProbe, folders: readonly string[]): CheckItems {
  const paths = [...new Set(["/", ...folders])];
  const checks: Readonly<Record<string, () => Promise<string[]>>> = {
    cpu: async () => over("CPU", await probe.cpu()),
    mem: () => Promise.resolve(over("memory", probe.mem())),
    disk: async () =>
      (await Promise.all(paths.map(async (path) => over(`disk of ${path}`, await probe.disk(path))))).flat(),
  };
  const check = (item: string): Promise<string[]> => {
    const known = Object.hasOwn(checks, item) ? checks[item] : undefined;
    return known?.() ?? Promise.resolve([`check item ${item.slice(0, 32)} is not known here`]);
  };
  return async (items) => (await Promise.all([...new Set(items)].map(check))).flat();
}

function over(what: string, usage: number): string[] {
  if (usage <= MAX_USAGE) return [];
  return [`${what}: ${percent(usage)} in use, more than the allowed ${percent(MAX_USAGE)}`];
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const CPU_WINDOW_MS = 500;

/** This machine. */
export function createUsageProbe(clock: Pick<Clock, "schedule">): UsageProbe {
  return {
    cpu: async () => {
      const before = cpuTimes();
      await new Promise<void>((resolve) => void clock.schedule(CPU_WINDOW_MS, resolve));
      const after = cpuTimes();
      const total = after.total - before.total;
      return total <= 0 ? 0 : 1 - (after.idle - before.idle) / total;
    },
    mem: () => 1 - freemem() / totalmem(),
    disk: async (path) => {
      const { blocks, bfree, bavail } = await statfsUpwards(path);
      const used = blocks - bfree;
      return used + bavail === 0 ? 0 : used / (used + bavail);
    },
  };
}

function cpuTimes(): { readonly idle: number; readonly total: number } {
  const times = cpus().map((cpu) => cpu.times);
  const idle = times.reduce((sum, t) => sum + t.idle, 0);
  return { idle, total: times.reduce((sum, t) => sum + t.user + t.nice + t.sys + t.irq, idle) };
}

/** A folder that is not made yet will be on the same disk as the one above it. */
async function statfsUpwards(path: string): Promise<StatsFs> {
  try {
    return await statfs(path);
  } catch (error) {
    if (path === "/") throw error;
    return statfsUpwards(path.slice(0, path.lastIndexOf("/")) || "/");
  }
}
