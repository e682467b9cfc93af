// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import type { Layout } from "../cluster/layout.ts";
import { findProcess } from "../cluster/processes.ts";
import { Fault } from "../fault.ts";

export interface Usage {
  readonly rssMb: number;
  /** User and system time since the process started. */
  readonly cpuSeconds: number;
}

/** Clock ticks a second of /proc on every Linux that Node runs on (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

/** @throws {Fault} NOT_RUNNING */
export function usageOf(layout: Layout, part: string): Usage {
  const pid = findProcess(layout, part)?.pid;
  if (pid === undefined) throw new Fault("NOT_RUNNING", `${part} does not run`);
  const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // after the name, which may hold blanks: state is field 3, utime 14, stime 15
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  return { rssMb: rssKb / 1024, cpuSeconds: ((fields[11] ?? 0) + (fields[12] ?? 0)) / TICKS_PER_SECOND };
}
