// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { podCgroup, type CgroupDriver } from "../../../pods/resources/index.ts";
import { readV1 } from "./cgroup-v1.ts";
import { readV2 } from "./cgroup-v2.ts";
import { namesIn, textOf } from "./files.ts";
import type { CgroupUsage } from "../usage.ts";

/** Where the cgroups of pods are, and who made them. */
export interface CgroupOptions {
  /** default `/sys/fs/cgroup` */
  readonly dir: string;
  /** parent of all pods */
  readonly parent: string;
  readonly driver: CgroupDriver;
}

/** A pod's own cgroup with the names of those of its containers. */
export interface PodCgroup {
  readonly path: string;
  readonly children: readonly string[];
}

/** Reads both kinds of hierarchy alike. */
export interface Cgroups {
  pod(uid: string): PodCgroup | undefined;
  usage(path: string, atMs: number): CgroupUsage;
  /** Some process of a cgroup; undefined when it has none. */
  process(path: string): number | undefined;
}

const TIERS = ["Guaranteed", "Burstable", "BestEffort"] as const;
/** Of the split hierarchies, the ones where a runtime makes every container a cgroup. */
const EVERYWHERE = ["memory", "cpu", "cpuacct"] as const;

/** The cgroup of a container in that of its pod: runtimes name it by the id, with or without a suffix. */
export function childOf(pod: PodCgroup | undefined, id: string): string {
  const name = pod?.children.find((child) => child.includes(id));
  return pod === undefined || name === undefined ? "" : `${pod.path}/${name}`;
}

/** Opens nothing and reads nothing until asked. */
export function createCgroups({ dir, parent, driver }: CgroupOptions): Cgroups {
  const isUnified = (): boolean => existsSync(join(dir, "cgroup.controllers"));
  const places = (): readonly string[] => (isUnified() ? [dir] : EVERYWHERE.map((name) => join(dir, name)));
  return {
    pod: (uid) => {
      for (const place of places()) {
        for (const tier of TIERS) {
          const path = podCgroup(parent, driver, uid, tier);
          const children = namesIn(join(place, path));
          if (children !== undefined) return { path, children };
        }
      }
      return undefined;
    },
    usage: (path, atMs) => (isUnified() ? readV2(dir, path, atMs) : readV1(dir, path, atMs)),
    process: (path) => {
      for (const place of places()) {
        const pid = /^\d+/.exec(textOf(join(place, path, "cgroup.procs")) ?? "")?.[0];
        if (pid !== undefined && pid !== "0") return Number(pid);
      }
      return undefined;
    },
  };
}
