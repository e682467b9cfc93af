// SPDX-License-Identifier: Apache-2.0
import type { CpuUsage } from "./usage.ts";

/** Makes of two samples of a counter what was used between them. */
export interface Rates {
  /** The sample with `nanoCores`, as far as it can be known. */
  add(key: string, cpu: CpuUsage | undefined): CpuUsage | undefined;
  /** Forgets what was not added since the last call. */
  forgetOthers(): void;
}

/** Samples closer than this say little: the kernel counts in ticks. */
const MIN_WINDOW_MS = 1_000;
/** A mean over longer than this is no answer to "how much now". */
const MAX_WINDOW_MS = 600_000;

interface Kept {
  readonly cpu: CpuUsage;
  readonly nanoCores: number | undefined;
}

function next(kept: Kept | undefined, cpu: CpuUsage): Kept {
  const windowMs = cpu.atMs - (kept?.cpu.atMs ?? -Infinity);
  if (kept === undefined || windowMs < 0 || windowMs > MAX_WINDOW_MS || cpu.usageNs < kept.cpu.usageNs)
    return { cpu, nanoCores: undefined };
  if (windowMs < MIN_WINDOW_MS) return kept;
  return { cpu, nanoCores: Math.round(((cpu.usageNs - kept.cpu.usageNs) / windowMs) * 1000) };
}

/** Keeps one sample for each key; there is no timer, so the window is the time between two askers. */
export function createRates(): Rates {
  let kept = new Map<string, Kept>();
  let seen = new Map<string, Kept>();
  return {
    add: (key, cpu) => {
      if (cpu === undefined) return undefined;
      const now = next(kept.get(key), cpu);
      seen.set(key, now);
      // A runtime measures between any two askers, however close, and says 0 before it can know.
      return { ...cpu, nanoCores: now.nanoCores ?? (cpu.nanoCores === 0 ? undefined : cpu.nanoCores) };
    },
    forgetOthers: () => {
      kept = seen;
      seen = new Map();
    },
  };
}
