// SPDX-License-Identifier: Apache-2.0

export interface RedialOptions {
  readonly redialMs: number;
  readonly maxRedialMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * Pause before the next dial: KubeEdge's 2 s after a tunnel that worked, then growing, and never the same for all
 * nodes of a cloud that comes back.
 *
 * @param failures dials in a row that led to no tunnel that lasted, >= 0
 * @returns milliseconds, within [0.5, 1] of the grown delay once there are failures
 */
export function redialDelayMs(failures: number, { redialMs, maxRedialMs, random }: RedialOptions): number {
  if (failures <= 1) return redialMs;
  const grownMs = Math.min(maxRedialMs, redialMs * 2 ** Math.min(failures - 1, 30));
  return grownMs * (0.5 + random() / 2);
}
