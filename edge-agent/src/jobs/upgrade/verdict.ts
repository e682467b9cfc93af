// SPDX-License-Identifier: Apache-2.0
import { pause } from "../../clock.ts";
import { readTrial, type Trial } from "../../trial/index.ts";
import type { StepContext } from "../port.ts";
import type { UpgradeParts } from "./deps.ts";

/** The launcher is slower than its own limits at most by this. */
const LAUNCHER_LATE_MS = 60_000;

/**
 * Waits in the agent on trial until it, or its launcher, has judged.
 *
 * @returns the trial, confirmed or rolled back, or rolled back for there is no launcher to judge; undefined when the
 * agent stops before
 */
export async function untilJudged(
  parts: Pick<UpgradeParts, "disk" | "agentDir" | "clock" | "options">,
  context: StepContext,
  first: Trial,
): Promise<Trial | undefined> {
  const { disk, agentDir, clock, options } = parts;
  const { signal } = context;
  const endMs = clock.monotonicMs() + first.healthTimeoutMs + LAUNCHER_LATE_MS;
  for (let trial: Trial = first; ; trial = readTrial(disk, agentDir) ?? first) {
    if (trial.state === "confirmed" || trial.state === "rolled-back") return trial;
    if (signal.aborted) return undefined;
    if (clock.monotonicMs() >= endMs)
      return { ...trial, state: "rolled-back", reason: "there is no launcher that judges the new agent" };
    context.progress(`the new agent is on trial, start ${trial.starts} of ${trial.maxStarts}`);
    await pause(clock, options.pollMs, signal);
  }
}
